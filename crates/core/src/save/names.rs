//! The names that stand in the code and in saved sessions: members, paths, other APIs.
//!
//! The state has them as `&'static str`, so a saved name has to be found here again. The test below
//! collects the literals of the code, and fails if one is missing. A name that the code no longer
//! has may stay, for sessions that were saved before.

/// Returns the name of this text, if the code has it.
pub(crate) fn known(name: &str) -> Option<&'static str> {
    NAMES.binary_search(&name).ok().map(|position| NAMES[position])
}

/// The names, in order.
#[rustfmt::skip]
const NAMES: [&str; 442] = [
    "", "Accumulator", "Amazon Bedrock's ConverseStream API", "Anthropic's Messages API",
    "Anthropic's Text Completions API", "Cohere's Chat API", "DashScope's native API",
    "FINISH_REASON_UNSPECIFIED", "FUNCTION_CALL", "Gemini's Interactions API",
    "Gemini's generateContent API", "INVALID_JSON", "None", "Ollama's native API",
    "OpenAI's Assistants API", "OpenAI's Responses API", "OpenAI's completions API", "ReadStream",
    "STOP", "Session", "TGI's generate_stream API", "_UNSPECIFIED", "_call", "_result",
    "_tool_result", "_tool_use", "abort", "accumulator", "action", "additional_tools",
    "agent_message", "annotation", "annotations", "anomalies", "any", "apply_patch_call",
    "apply_patch_call_output", "args", "arguments", "arguments_delta", "assistant", "audio",
    "audio.data", "audio.expires_at", "audio.id", "audio.transcript", "audioTranscription",
    "audio_data", "avgLogprobs", "blockReason", "boolValue", "cacheTokensDetails",
    "cache_creation_input_tokens", "cache_read_input_tokens", "cachedContentTokenCount",
    "cached_tokens", "call_id", "camelCase", "candidates", "candidates.content",
    "candidates.finishReason", "candidates.index", "candidatesTokenCount",
    "candidatesTokensDetails", "chat", "chat.completion", "chat.completion.chunk", "choices",
    "choices.content", "choices.delta", "choices.index", "choices.message", "choices.text",
    "citation", "citationMetadata", "citationSources", "citations", "citations_delta", "code",
    "codeExecutionResult", "code_execution", "code_execution_call", "code_interpreter_call",
    "command", "command_index", "commands", "compaction", "compaction_delta", "completed",
    "completion_tokens", "completion_tokens_details", "completions", "computer_call",
    "computer_call_output", "container_upload", "content", "content.", "content.delta",
    "content.parts", "content.role", "content.start", "content.stop", "content_block",
    "content_block_delta", "content_block_start", "content_block_stop", "content_filter",
    "content_index", "content_parts", "context", "continuationToken", "continuation_token",
    "createTime", "created", "created_at", "custom", "custom.name", "custom_tool_call",
    "custom_tool_call_output", "data", "delta", "delta.partial_json", "delta.signature",
    "delta.text", "delta.thinking", "delta.type", "diff", "document", "done", "done_reason",
    "done_without_finish_reason", "done_without_sentinel", "empty", "encrypted_content", "end",
    "error", "error_message", "error_type", "errors", "estimated_tokens", "eval_count", "event",
    "event_id", "event_type", "events", "executableCode", "expires_at", "failed", "fallback",
    "false", "fileData", "file_search", "file_search_call", "finishMessage", "finishReason",
    "finish_reason", "folded_bytes", "function", "function.name", "functionCall",
    "functionCall.args", "functionCall.id", "functionCall.name", "functionCall.partialArgs",
    "functionResponse", "function_arguments", "function_call", "function_call.arguments",
    "function_call.name", "function_call_output", "gemini", "google_maps", "google_search",
    "groundingAttributions", "groundingMetadata", "groundingSupports", "heartbeat", "id", "image",
    "image_generation_call", "images", "incomplete", "incomplete_details", "index", "inlineData",
    "input", "input_json_delta", "input_tokens", "input_tokens_details",
    "insufficient_system_resource", "interaction", "interaction.", "interaction.complete",
    "interaction.completed", "interaction.created", "interaction.id", "interaction.start",
    "interaction.status_update", "interaction.steps", "interaction_id", "interactions", "is_empty",
    "item", "item_id", "item_reference", "jsonPath", "keep_alive", "keepalive", "last_event_id",
    "length", "limit", "llama.cpp's native completion API", "local_shell_call",
    "local_shell_call_output", "logprobs", "logprobsResult", "max_tokens", "mcp_approval_request",
    "mcp_approval_response", "mcp_call", "mcp_list_tools", "mcp_server_tool", "mcp_tool_listing",
    "message", "message_delta", "message_start", "message_stop", "messages", "metadata", "mimeType",
    "model", "modelStatus", "modelVersion", "model_length", "model_output", "moderation",
    "multi_agent_call", "multi_agent_call_output", "name", "network_error", "not_an_event_stream",
    "null", "nullValue", "numberValue", "obfuscation", "object", "offset", "ollama", "operation",
    "output", "output_index", "output_item", "output_text", "output_tokens",
    "output_tokens_details", "outputs", "p", "part", "partial", "partialArgs",
    "partialArgs.jsonPath", "partialArgs.stringValue", "partial_json", "parts", "parts.text",
    "parts.thought", "ping", "processing", "program", "program_output", "promptFeedback",
    "promptTokenCount", "promptTokensDetails", "prompt_eval_count", "prompt_tokens",
    "prompt_tokens_details", "reason", "reasoning", "reasoning_content", "reasoning_details",
    "reasoning_summary", "reasoning_text", "reasoning_tokens", "redacted_thinking", "refusal",
    "remote_host", "remote_model", "requires_action", "response", "response.",
    "response.apply_patch_call_operation_diff.delta",
    "response.apply_patch_call_operation_diff.done", "response.audio.delta", "response.audio.done",
    "response.audio.transcript.delta", "response.audio.transcript.done",
    "response.code_interpreter_call_code.delta", "response.code_interpreter_call_code.done",
    "response.compaction.compacting", "response.completed", "response.content_part.added",
    "response.content_part.done", "response.created", "response.custom_tool_call_input.delta",
    "response.custom_tool_call_input.done", "response.failed",
    "response.function_call_arguments.delta", "response.function_call_arguments.done",
    "response.id", "response.image_generation_call.partial_image", "response.in_progress",
    "response.incomplete", "response.keep_alive", "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done", "response.output", "response.output_item.added",
    "response.output_item.done", "response.output_text.annotation.added",
    "response.output_text.delta", "response.output_text.done", "response.queued",
    "response.reasoning_part.added", "response.reasoning_part.done",
    "response.reasoning_summary_part.added", "response.reasoning_summary_part.done",
    "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done",
    "response.reasoning_text.delta", "response.reasoning_text.done", "response.refusal.delta",
    "response.refusal.done", "response.shell_call_command.added",
    "response.shell_call_command.delta", "response.shell_call_command.done",
    "response.shell_call_output_content.delta", "response.shell_call_output_content.done",
    "responseId", "responses", "result", "retrieval", "retry", "role", "safetyRatings",
    "search_result", "seconds", "sensitive", "sequence_number", "server_arguments", "service_tier",
    "session", "shell_call", "shell_call_output", "signature", "signature_delta", "snake_case",
    "stalled", "starting_after", "status", "std", "stderr", "stdout", "step", "step.", "step.delta",
    "step.start", "step.stop", "step_usage", "steps", "stop_reason", "stop_sequence", "stopped",
    "stringValue", "summary", "summary_index", "summary_text", "system", "system_fingerprint",
    "text", "text_annotation_delta", "text_completion", "text_delta", "text_offset",
    "the AI SDK's UI message stream", "thinking", "thinking_delta", "thinking_tokens", "thought",
    "thoughtSignature", "thought_signature", "thought_summary", "thoughtsTokenCount", "times", "to",
    "tokenCount", "token_logprobs", "tokens", "tool", "toolCall", "toolResponse",
    "toolUsePromptTokenCount", "toolUsePromptTokensDetails", "tool_call_id", "tool_calls",
    "tool_calls.arguments", "tool_calls.custom", "tool_calls.function", "tool_calls.id",
    "tool_calls.index", "tool_calls.name", "tool_calls.type", "tool_output", "tool_result",
    "tool_search", "tool_search_call", "tool_search_call_output", "tool_search_output", "tool_use",
    "top_logprobs", "totalTokenCount", "total_cached_tokens", "total_input_tokens",
    "total_output_tokens", "total_thought_tokens", "total_tokens", "total_tool_use_tokens",
    "total_usage", "transcript", "true", "truncated", "type", "unread", "urlContextMetadata",
    "url_context", "usage", "usageMetadata", "user", "user_input", "video", "web_search_call",
    "willContinue", "x_groq",
];

#[cfg(all(test, feature = "std"))]
mod tests {
    use alloc::vec::Vec;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    /// The modules whose literals may come into the state.
    const MODULES: [&str; 11] = [
        "any",
        "blocks",
        "chat",
        "completions",
        "engine",
        "gemini",
        "interactions",
        "messages",
        "ollama",
        "openai",
        "responses",
    ];

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder of the sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                files(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_name_in_the_code_is_known() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sources = Vec::new();
        MODULES.iter().for_each(|module| files(&source.join(module), &mut sources));
        let is_in_name = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.');
        let is_name = |text: &&str| {
            text.bytes().all(is_in_name) && !text.is_empty() && !text.starts_with('.')
        };
        let mut count = 0;
        for path in &sources {
            let text = fs::read_to_string(path).expect("a source");
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
            for literal in lines.flat_map(|line| line.split('"').skip(1)).filter(is_name) {
                count += 1;
                assert!(known(literal).is_some(), "{literal:?} of {} is missing", path.display());
            }
        }
        assert!(count > 500, "only {count} literals were found");
    }

    #[test]
    fn the_names_are_in_order() {
        assert!(NAMES.is_sorted_by(|one, other| one < other));
    }
}
