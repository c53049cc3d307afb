//! What a recording comes to, in each tool's words.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use core::time::Duration;

use deltawire::open_telemetry::Value;
use deltawire::timing::{Carried, Recorder, Timing};
use deltawire::{Outcome, TokenCounts, chat, completions};
use serde_json::json;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A chunk with this delta in choice 0.
fn delta(delta: &str, finish_reason: &str) -> String {
    format!(r#"{{"id":"c-1","model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish_reason}}}]}}"#)
}

/// Chunks and when each came; the end came at the last of the times.
fn recorded(recorder: &mut Recorder, chunks: &[(u64, String)], end: u64) -> Outcome<chat::ChatCompletion> {
    let mut fold = chat::Session::new();
    for (at, data) in chunks {
        let event = format!("data: {data}\n\n");
        let mut input = event.as_bytes();
        recorder.bytes(ms(*at));
        while let Some(update) = fold.push(&mut input).unwrap() {
            recorder.chunk(&update, ms(*at));
        }
    }
    recorder.end(ms(end));
    fold.finish()
}

/// A role at 100, empty content at 110, reasoning at 200, content at 300 and 340 and 500, an empty delta with the finish reason at 510, usage at 600, the end at 610.
fn stream() -> Vec<(u64, String)> {
    vec![
        (100, delta(r#"{"role":"assistant"}"#, "null")),
        (110, delta(r#"{"content":""}"#, "null")),
        (200, delta(r#"{"reasoning_content":"hm"}"#, "null")),
        (300, delta(r#"{"content":"a"}"#, "null")),
        (340, delta(r#"{"content":"b"}"#, "null")),
        (500, delta(r#"{"content":"c"}"#, "null")),
        (510, delta("{}", r#""stop""#)),
        (600, r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}"#.into()),
    ]
}

#[test]
fn where_the_tools_differ_each_has_its_own() {
    let mut recorder = Recorder::new();
    recorded(&mut recorder, &stream(), 610);
    let timing = recorder.finish(Some(5));

    let vllm = timing.vllm();
    assert_eq!((vllm.ttft, vllm.e2el), (Some(ms(100)), Some(ms(510))), "every chunk with a choice");
    assert_eq!(vllm.tpot, Some(Duration::from_micros(102_500)), "(510 - 100) / (5 - 1)");
    let itl = vllm.itl.unwrap();
    assert_eq!((itl.count, itl.min, itl.p50, itl.max), (6, ms(10), ms(65), ms(160)));

    let genai_perf = timing.genai_perf();
    assert_eq!(genai_perf.time_to_first_token, Some(ms(200)), "reasoning counts, what is empty does not");
    assert_eq!(genai_perf.time_to_second_token, Some(ms(100)));
    assert_eq!(genai_perf.time_to_first_output_token, Some(ms(300)));
    assert_eq!(genai_perf.request_latency, Some(ms(500)));
    assert_eq!(genai_perf.inter_token_latency, Some(ms(75)), "(500 - 200) / (5 - 1)");
    assert_eq!(genai_perf.output_token_throughput_per_user, Some(1.0 / 0.075));
    assert_eq!(genai_perf.e2e_output_token_throughput, Some(10.0));
    assert_eq!(genai_perf.inter_chunk_latency.unwrap().count, 3);

    assert_eq!(
        (timing.first_byte, timing.first_event, timing.first_chunk),
        (Some(ms(100)), Some(ms(100)), Some(ms(100)))
    );
    assert_eq!((timing.first_content, timing.end, timing.chunks), (Some(ms(300)), ms(610), 8));
    assert_eq!(timing.between_chunks.unwrap().count, 7, "OpenTelemetry's, the usage chunk included");
    assert_eq!((timing.per_token, timing.stalls), (None, None), "not asked for");
}

#[test]
fn what_a_chunk_carries_is_the_most_of_it() {
    for (data, expected) in [
        (r#"{"choices":[]}"#.into(), Carried::NoChoice),
        (r#"{"choices":[],"usage":{"completion_tokens":1}}"#.into(), Carried::NoChoice),
        (delta("{}", "null"), Carried::Choice),
        (delta(r#"{"role":"assistant","content":""}"#, "null"), Carried::Choice),
        (delta("{}", r#""stop""#), Carried::Choice),
        (delta(r#"{"reasoning":"a"}"#, "null"), Carried::Reasoning),
        (delta(r#"{"reasoning":"a","content":"b"}"#, "null"), Carried::Content),
        (delta(r#"{"content":"b"}"#, r#""stop""#), Carried::Content),
        (delta(r#"{"refusal":"no"}"#, "null"), Carried::Content),
        (
            delta(r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}"#, "null"),
            Carried::Content,
        ),
        (delta(r#"{"function_call":{"name":"f"}}"#, "null"), Carried::Content),
        (delta(r#"{"audio":{"data":"AAAA"}}"#, "null"), Carried::Content),
    ] {
        let event = format!("data: {data}\n\n");
        let mut fold = chat::Session::new();
        let update = fold.push(&mut event.as_bytes()).unwrap().unwrap();
        assert_eq!(Carried::from(&update), expected, "{data}");
    }
    let mut fold = completions::Session::new();
    let legacy = b"data: {\"choices\":[{\"index\":0,\"text\":\"a\"}]}\n\n";
    assert_eq!(Carried::from(&fold.push(&mut &legacy[..]).unwrap().unwrap()), Carried::Content);
}

#[test]
fn chunks_that_are_learned_have_choices_too() {
    let mut fold = chat::Session::new();
    for n in 0..50 {
        let event = format!("data: {}\n\n", delta(&format!(r#"{{"content":"{n}"}}"#), "null"));
        let update = fold.push(&mut event.as_bytes()).unwrap().unwrap();
        assert!(update.has_choices(), "{n}");
    }
    assert!(!fold.push(&mut &b"data: {\"choices\":[]}\n\n"[..]).unwrap().unwrap().has_choices());
}

#[test]
fn stalls_are_gaps_above_the_threshold_and_the_wait_for_the_first_chunk_is_none() {
    // (times of chunks, end, how many stalls above 100 ms, the longest, all)
    for (times, end, count, longest, total) in [
        (&[][..], 9000, 0, 0, 0),
        (&[5000], 5050, 0, 0, 0),
        (&[10, 110, 210], 310, 0, 0, 0),
        (&[10, 111], 111, 1, 101, 101),
        (&[10, 500, 510, 800], 801, 2, 490, 780),
        (&[10], 30_010, 1, 30_000, 30_000),
    ] {
        let mut recorder = Recorder::new().with_stalls(ms(100));
        times.iter().for_each(|&at| recorder.carried(Carried::Content, ms(at)));
        // Keep-alive comments are bytes, and end no stall.
        recorder.bytes(ms(end - 1));
        recorder.end(ms(end));
        let stalls = recorder.finish(None).stalls.unwrap();
        assert_eq!((stalls.count, stalls.longest, stalls.total), (count, ms(longest), ms(total)), "{times:?}");
    }
}

#[test]
fn per_token_a_gap_is_shared_by_the_tokens_that_ended_it() {
    let mut recorder = Recorder::new();
    recorder.tokens(9);
    for (at, tokens) in [(100, 2), (130, 3), (140, 0), (150, 1)] {
        recorder.carried(Carried::Content, ms(at));
        recorder.tokens(tokens);
    }
    let timing = recorder.finish(None);
    assert_eq!(timing.completion_tokens, Some(6), "before the first chunk there are none");
    let per_token = timing.per_token.unwrap();
    // 30 ms for 3 tokens, 20 ms for 1: the chunk without a token ends no gap.
    assert_eq!((per_token.count, per_token.p50, per_token.max), (4, ms(10), ms(20)));
    let known_better = timing.with_completion_tokens(Some(11));
    assert_eq!(known_better.genai_perf().inter_token_latency, Some(ms(5)));
}

#[test]
fn time_does_not_go_back_and_ends_once() {
    let mut recorder = Recorder::new();
    recorder.carried(Carried::Content, ms(100));
    recorder.carried(Carried::Content, ms(40));
    assert_eq!((recorder.last_gap(), recorder.now()), (Some(Duration::ZERO), ms(100)));
    recorder.end(ms(50));
    recorder.end(ms(900));
    let timing = recorder.finish(Some(2));
    assert_eq!(timing.end, ms(100));
    assert_eq!(timing.vllm().tpot, Some(Duration::ZERO));
    assert_eq!(timing.genai_perf().output_token_throughput_per_user, None, "in no time at all there is no rate");
}

#[test]
fn what_comes_after_the_end_does_not_count() {
    let mut recorder = Recorder::new();
    recorder.carried(Carried::Content, ms(100));
    recorder.end(ms(200));
    recorder.bytes(ms(300));
    recorder.event(ms(310));
    recorder.carried(Carried::Content, ms(320));
    recorder.tokens(2); // of what came before
    let timing = recorder.finish(None);
    assert_eq!((timing.end, timing.last_output, timing.chunks), (ms(200), Some(ms(100)), 1));
    assert_eq!((timing.between_chunks, timing.completion_tokens), (None, Some(2)));

    let mut ended = Recorder::new();
    ended.end(ms(10));
    ended.event(ms(20));
    let timing = ended.finish(None);
    assert_eq!((timing.first_byte, timing.first_event, timing.end), (None, None, ms(10)));
}

#[test]
fn chunks_have_the_time_of_the_bytes_they_were_folded_of() {
    let mut recorder = Recorder::new();
    let mut fold = chat::Session::new();
    let reads = [(100, vec![r#"{"role":"assistant"}"#]), (250, vec![r#"{"content":"a"}"#, r#"{"content":"b"}"#])];
    for (at, deltas) in reads {
        let read: String = deltas.iter().map(|read| format!("data: {}\n\n", delta(read, "null"))).collect();
        recorder.bytes(ms(at));
        let mut input = read.as_bytes();
        while let Some(update) = fold.push(&mut input).unwrap() {
            recorder.folded(&update);
        }
    }
    let timing = recorder.finish(None);
    assert_eq!(
        (timing.first_chunk, timing.first_output, timing.second_output),
        (Some(ms(100)), Some(ms(250)), Some(ms(250)))
    );
    assert_eq!((timing.chunks, timing.end), (3, ms(250)));
}

#[test]
fn nothing_recorded_is_nothing_known() {
    let timing = Recorder::new().finish(None);
    assert_eq!(timing.to_string(), "end_to_end=0.000s chunks=0");
    assert_eq!((timing.vllm().ttft, timing.genai_perf().request_latency), (None, None));
    for tokens in [0, 1] {
        let mut recorder = Recorder::new();
        recorder.carried(Carried::Content, ms(5));
        assert_eq!(recorder.finish(Some(tokens)).vllm().tpot, None, "{tokens}: there is no gap to share");
    }
}

#[test]
fn an_end_that_is_not_told_is_what_came_last() {
    let mut recorder = Recorder::new();
    recorder.carried(Carried::Content, ms(7));
    recorder.bytes(ms(9));
    assert_eq!(recorder.finish(None).end, ms(9));
}

#[test]
fn it_is_one_line_for_a_log() {
    let mut recorder = Recorder::new().with_stalls(ms(150));
    recorded(&mut recorder, &stream(), 610);
    assert_eq!(
        recorder.finish(Some(5)).to_string(),
        "time_to_first_byte=0.100s time_to_first_chunk=0.100s time_to_first_token=0.200s time_to_first_content=0.300s end_to_end=0.610s \
         chunks=8 between_chunks_p50=0.090s p90=0.124s p99=0.156s max=0.160s tokens=5 tokens_per_second=13.3 stalls=1 longest_stall=0.160s"
    );
}

#[test]
fn it_serialises_in_seconds_under_each_tools_names() {
    let mut recorder = Recorder::new().with_stalls(ms(150));
    for at in [100, 200] {
        recorder.carried(Carried::Content, ms(at));
        recorder.tokens(1);
    }
    recorder.end(ms(250));
    let gap =
        json!({"count": 1, "exact": true, "mean": 0.1, "min": 0.1, "p50": 0.1, "p90": 0.1, "p99": 0.1, "max": 0.1});
    let expected = json!({
        "time_to_first_byte": 0.1,
        "time_to_first_event": 0.1,
        "time_to_first_chunk": 0.1,
        "time_to_first_content": 0.1,
        "end_to_end": 0.25,
        "chunks": 2,
        "completion_tokens": 2,
        "per_token": gap,
        "stalls": {"threshold": 0.15, "count": 0, "longest": 0.0, "total": 0.0},
        "vllm": {"ttft": 0.1, "tpot": 0.1, "itl": gap, "e2el": 0.2},
        "genai_perf": {
            "time_to_first_token": 0.1,
            "time_to_second_token": 0.1,
            "time_to_first_output_token": 0.1,
            "inter_token_latency": 0.1,
            "inter_chunk_latency": gap,
            "output_token_throughput_per_user": 10.0,
            "e2e_output_token_throughput": 10.0,
            "request_latency": 0.2,
        },
        "open_telemetry": {
            "gen_ai.client.operation.time_to_first_chunk": 0.1,
            "gen_ai.client.operation.time_per_output_chunk": gap,
            "gen_ai.client.operation.duration": 0.25,
        },
    });
    assert_eq!(serde_json::to_value(recorder.finish(None)).unwrap(), expected);
}

#[test]
fn an_outcome_has_its_attributes_and_its_json_shows_only_what_was_asked_for() {
    let mut recorder = Recorder::new();
    let mut outcome = recorded(&mut recorder, &stream(), 610);
    let bare = serde_json::to_value(&outcome).unwrap();
    assert_eq!(bare.as_object().unwrap().keys().collect::<Vec<_>>(), ["anomalies", "answer", "end", "error"]);
    assert_eq!(
        outcome.attributes(),
        [
            ("gen_ai.operation.name", Value::String("chat")),
            ("gen_ai.response.id", Value::String("c-1")),
            ("gen_ai.response.model", Value::String("m")),
            ("gen_ai.response.finish_reasons", Value::Strings(vec!["stop"])),
            ("gen_ai.usage.input_tokens", Value::Integer(7)),
            ("gen_ai.usage.output_tokens", Value::Integer(5)),
        ]
    );
    outcome.timing = Some(recorder.finish(Some(5)));
    outcome.usage = Some(TokenCounts::estimated(Some(8), 6, "o200k_base"));
    let attributes = outcome.attributes();
    assert!(attributes.contains(&("gen_ai.response.time_to_first_chunk", Value::Double(0.1))));
    assert!(attributes.contains(&("gen_ai.usage.output_tokens", Value::Integer(6))), "what was counted goes before");
    let json = serde_json::to_value(&outcome).unwrap();
    let counted = json!({"prompt_tokens": 8, "completion_tokens": 6, "total_tokens": 14, "source": "estimated", "vocabulary": "o200k_base"});
    assert_eq!((&json["usage"], &json["timing"]["end_to_end"]), (&counted, &json!(0.61)));

    let sent = TokenCounts::server(outcome.answer.usage.as_ref().unwrap());
    let expected = json!({"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12, "source": "server"});
    assert_eq!(serde_json::to_value(sent).unwrap(), expected);

    let mut fold = completions::Session::new();
    let _ = fold.push(&mut &b"data: {\"error\":{\"message\":\"no\"}}\n\n"[..]);
    let attributes = serde_json::to_value(fold.finish().attributes()).unwrap();
    let expected = json!([["gen_ai.operation.name", "text_completion"], ["error.type", "api"]]);
    assert_eq!(attributes, expected);
}

#[test]
fn however_long_a_stream_is_a_recording_is_bounded() {
    let mut recorder = Recorder::new();
    for n in 0..20_000 {
        recorder.carried(Carried::Content, Duration::from_micros(n * 997));
        recorder.tokens(2);
    }
    let Timing { between_chunks, per_token, .. } = recorder.finish(None);
    let (gaps, per_token) = (between_chunks.unwrap(), per_token.unwrap());
    assert!(!gaps.exact && !per_token.exact);
    assert_eq!((gaps.count, gaps.max, gaps.mean), (19_999, Duration::from_micros(997), Duration::from_micros(997)));
    assert_eq!(per_token.count, 2 * 19_999);
    assert!(gaps.p50.abs_diff(gaps.max) <= gaps.max / 64, "{gaps:?}");
}
