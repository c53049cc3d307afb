//! The figures of a recording, in the terms of each tool.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use core::time::Duration;

use deltawire::{Dialect, How, Options, Outcome, Session, Times, TokenCounts, chat, completions};
use deltawire_timing::open_telemetry::{self, Value, attributes};
use deltawire_timing::{Recorder, Timing};
use serde_json::json;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A session and a recorder that have the same clock.
#[derive(Default)]
struct Recording<D: Dialect = chat::Chat> {
    session: Session<D>,
    recorder: Recorder,
}

impl<D: Dialect> Recording<D> {
    fn with(recorder: Recorder) -> Self {
        Self { session: Session::new(), recorder }
    }

    /// Reads bytes that arrive at this time, in milliseconds.
    fn read(&mut self, at: u64, bytes: &str) {
        self.session.arrived(ms(at));
        let mut updates = self.session.read(bytes.as_bytes());
        while let Some(update) = updates.next().unwrap() {
            self.recorder.record(&update, ms(at));
        }
    }

    /// Reads an event with this data.
    fn event(&mut self, at: u64, data: &str) {
        self.read(at, &format!("data: {data}\n\n"));
    }

    /// Reads a chunk with a piece of content.
    fn content(&mut self, at: u64) {
        self.event(at, &delta(r#"{"content":"a"}"#, "null"));
    }

    fn end(&mut self, at: u64) {
        self.session.tick(ms(at));
        self.session.end(How::Clean).unwrap();
    }

    fn finish(&self, output_tokens: Option<u64>) -> Timing {
        self.recorder.finish(self.session.times(), output_tokens)
    }

    /// Asserts that every chunk but this many took the fast path. Of chunks that repeat, the first
    /// opens the text and the second teaches the frame.
    fn assert_learned_all_but(&self, parsed: u64) {
        let stats = self.session.accumulator().stats();
        assert!(stats.learned > 0 && stats.folded - stats.learned <= parsed, "{stats:?}");
    }
}

/// Returns a chunk with this delta in choice 0.
fn delta(delta: &str, finish_reason: &str) -> String {
    format!(
        r#"{{"id":"c-1","model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish_reason}}}]}}"#
    )
}

/// Records a stream in which all definitions differ.
///
/// A role at 100, empty content at 110, reasoning at 200, content at 300, 340 and 500, an empty
/// delta with the finish reason at 510, usage at 600, the end at 610.
fn stream(recorder: Recorder) -> Recording {
    let mut stream = Recording::with(recorder);
    for (at, chunk) in [
        (100, delta(r#"{"role":"assistant"}"#, "null")),
        (110, delta(r#"{"content":""}"#, "null")),
        (200, delta(r#"{"reasoning_content":"hm"}"#, "null")),
        (300, delta(r#"{"content":"a"}"#, "null")),
        (340, delta(r#"{"content":"b"}"#, "null")),
        (500, delta(r#"{"content":"c"}"#, "null")),
        (510, delta("{}", r#""stop""#)),
        (
            600,
            r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}"#
                .into(),
        ),
    ] {
        stream.event(at, &chunk);
    }
    stream.end(610);
    // Role, empty content, reasoning, the first content, finish reason, usage.
    stream.assert_learned_all_but(6);
    stream
}

#[test]
fn where_the_tools_differ_each_has_its_own_figures() {
    let timing = stream(Recorder::new()).finish(None);

    let vllm = timing.vllm();
    assert_eq!((vllm.ttft, vllm.e2el), (Some(ms(100)), Some(ms(510))), "every chunk with a choice");
    assert_eq!(vllm.tpot, Some(Duration::from_micros(102_500)), "(510 - 100) / (5 - 1)");
    let itl = vllm.itl.unwrap();
    assert_eq!((itl.count, itl.min, itl.p50, itl.max), (6, ms(10), ms(65), ms(160)));

    let genai_perf = timing.genai_perf();
    assert_eq!(
        genai_perf.time_to_first_token,
        Some(ms(200)),
        "reasoning counts, empty content does not"
    );
    assert_eq!(genai_perf.time_to_second_token, Some(ms(100)));
    assert_eq!(genai_perf.time_to_first_output_token, Some(ms(300)));
    assert_eq!(genai_perf.request_latency, Some(ms(500)));
    assert_eq!(genai_perf.inter_token_latency, Some(ms(75)), "(500 - 200) / (5 - 1)");
    assert_eq!(genai_perf.output_token_throughput_per_user, Some(1.0 / 0.075));
    assert_eq!(genai_perf.e2e_output_token_throughput, Some(10.0));
    assert_eq!(genai_perf.inter_chunk_latency.unwrap().count, 3);

    assert_eq!((timing.first_byte, timing.first_chunk), (Some(ms(100)), Some(ms(100))));
    assert_eq!((timing.first_content, timing.end, timing.chunks), (Some(ms(300)), ms(610), 8));
    assert_eq!(
        timing.between_chunks.unwrap().count,
        7,
        "OpenTelemetry's, the usage chunk included"
    );
    assert_eq!((timing.per_token, timing.long_gaps), (None, None), "not asked for");
}

#[test]
fn a_chunk_counts_as_the_most_that_it_carries() {
    /// Returns the most that the first event of a body counts as.
    fn counts_as<D: Dialect>(data: &str) -> &'static str {
        let mut one = Recording::<D>::with(Recorder::new());
        one.event(5, data);
        let Timing { first_chunk, first_choice, first_output, first_content, .. } =
            one.finish(None);
        assert_eq!(first_chunk, Some(ms(5)), "{data}");
        match (first_choice.is_some(), first_output.is_some(), first_content.is_some()) {
            (false, false, false) => "chunk",
            (true, false, false) => "choice",
            (true, true, false) => "reasoning",
            (true, true, true) => "content",
            other => panic!("{data}: {other:?}"),
        }
    }
    for (data, expected) in [
        (r#"{"choices":[]}"#.into(), "chunk"),
        (r#"{"choices":[],"usage":{"completion_tokens":1}}"#.into(), "chunk"),
        (delta("{}", "null"), "choice"),
        (delta(r#"{"role":"assistant","content":""}"#, "null"), "choice"),
        (delta("{}", r#""stop""#), "choice"),
        (delta(r#"{"reasoning":"a"}"#, "null"), "reasoning"),
        (delta(r#"{"reasoning":"a","content":"b"}"#, "null"), "content"),
        (delta(r#"{"content":"b"}"#, r#""stop""#), "content"),
        (delta(r#"{"refusal":"no"}"#, "null"), "content"),
        (
            delta(
                r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}"#,
                "null",
            ),
            "content",
        ),
        (delta(r#"{"function_call":{"name":"f"}}"#, "null"), "content"),
        (delta(r#"{"audio":{"data":"AAAA"}}"#, "null"), "content"),
    ] {
        assert_eq!(counts_as::<chat::Chat>(&data), expected, "{data}");
    }
    let legacy = r#"{"choices":[{"index":0,"text":"a"}]}"#;
    assert_eq!(counts_as::<completions::Completions>(legacy), "content");
}

#[test]
fn chunks_of_the_fast_path_count_as_parsed_ones_do() {
    let timed = |learn| {
        let session = Session::with_options(Options::new().with_learning(learn));
        let mut stream = Recording::<chat::Chat> { session, recorder: Recorder::new() };
        for n in 0..50 {
            let kind = if n < 25 { "reasoning_content" } else { "content" };
            stream.event(n, &delta(&format!(r#"{{"{kind}":"{n}"}}"#), "null"));
        }
        stream.event(50, r#"{"choices":[]}"#);
        stream.end(51);
        let timing = stream.finish(Some(50));
        (timing, stream.session.accumulator().stats().learned)
    };
    let (fast, learned) = timed(true);
    assert!(learned >= 40, "{learned}");
    assert_eq!(
        (fast.first_content, fast.last_choice, fast.last_output),
        (Some(ms(25)), Some(ms(49)), Some(ms(49)))
    );
    assert_eq!((fast.between_outputs.unwrap().count, fast.chunks), (49, 51));
    assert_eq!(timed(false), (fast, 0));
}

#[test]
fn a_long_gap_exceeds_the_threshold_and_the_wait_for_the_first_chunk_is_not_one() {
    // (times of chunks, end, number of gaps above 100 ms, the longest, all of them)
    for (times, end, count, longest, total) in [
        (&[][..], 9000, 0, 0, 0),
        (&[5000], 5050, 0, 0, 0),
        (&[10, 110, 210], 310, 0, 0, 0),
        (&[10, 111], 111, 1, 101, 101),
        (&[10, 500, 510, 800], 801, 2, 490, 780),
        (&[10], 30_010, 1, 30_000, 30_000),
    ] {
        let mut stream = Recording::<chat::Chat>::with(Recorder::new().with_long_gaps(ms(100)));
        times.iter().for_each(|&at| stream.content(at));
        // Keep-alive comments are bytes, and end no gap.
        stream.read(end - 1, ": keep-alive\n\n");
        stream.end(end);
        if times.len() > 2 {
            stream.assert_learned_all_but(2);
        }
        let gaps = stream.finish(None).long_gaps.unwrap();
        assert_eq!(
            (gaps.count, gaps.longest, gaps.total),
            (count, ms(longest), ms(total)),
            "{times:?}"
        );
    }
}

#[test]
fn per_token_a_gap_is_shared_by_the_tokens_that_ended_it() {
    let mut stream = Recording::<chat::Chat>::default();
    stream.recorder.tokens(9);
    for (at, tokens) in [(100, 2), (130, 3), (140, 0), (150, 1)] {
        stream.content(at);
        stream.recorder.tokens(tokens);
    }
    stream.assert_learned_all_but(2);
    let timing = stream.finish(None);
    assert_eq!(timing.output_tokens, Some(6), "before the first chunk there are none");
    let per_token = timing.per_token.unwrap();
    // 30 ms for 3 tokens, 20 ms for 1: the chunk without a token ends no gap.
    assert_eq!((per_token.count, per_token.p50, per_token.max), (4, ms(10), ms(20)));
}

#[test]
fn the_callers_count_goes_before_the_servers_and_that_before_what_was_counted() {
    let usage = |usage: &str| format!(r#"{{"choices":[],"usage":{usage}}}"#);
    // (the server's usage, the caller's count, the count of the timing)
    for (sent, given, expected) in [
        (&[][..], None, Some(2)),
        (&[], Some(7), Some(7)),
        (&[r#"{"prompt_tokens":9}"#], None, Some(2)),
        (&[r#"{"completion_tokens":5}"#], None, Some(5)),
        (&[r#"{"completion_tokens":5}"#, r#"{"completion_tokens":6}"#], None, Some(6)),
        (&[r#"{"completion_tokens":5}"#], Some(7), Some(7)),
    ] {
        let mut stream = Recording::<chat::Chat>::default();
        stream.content(10);
        stream.recorder.tokens(2);
        sent.iter().for_each(|sent| stream.event(20, &usage(sent)));
        assert_eq!(stream.finish(given).output_tokens, expected, "{sent:?} {given:?}");
    }
    let mut uncounted = Recording::<chat::Chat>::default();
    uncounted.content(10);
    assert_eq!(uncounted.finish(None).output_tokens, None);
}

#[test]
fn time_does_not_go_back_and_ends_once() {
    let mut stream = Recording::<chat::Chat>::default();
    stream.content(100);
    stream.content(40);
    assert_eq!(stream.recorder.last_gap(), Some(Duration::ZERO));
    stream.end(50);
    stream.end(900);
    let timing = stream.finish(Some(2));
    assert_eq!((timing.end, timing.last_output), (ms(100), Some(ms(100))));
    assert_eq!(timing.vllm().tpot, Some(Duration::ZERO));
    assert_eq!(
        timing.genai_perf().output_token_throughput_per_user,
        None,
        "no time passed, so there is no rate"
    );
}

#[test]
fn the_last_gap_is_the_one_that_the_last_chunk_ended() {
    let mut stream = Recording::<chat::Chat>::default();
    assert_eq!(stream.recorder.last_gap(), None);
    stream.content(100);
    assert_eq!(stream.recorder.last_gap(), None, "nothing precedes the first");
    for (at, gap) in [(130, 30), (131, 1), (200, 69)] {
        stream.content(at);
        assert_eq!(stream.recorder.last_gap(), Some(ms(gap)));
    }
    stream.assert_learned_all_but(2);
}

#[test]
fn bytes_after_the_end_do_not_count() {
    let mut stream = Recording::<chat::Chat>::default();
    stream.content(100);
    stream.end(200);
    stream.content(320);
    stream.recorder.tokens(2); // of the chunk before the end
    let timing = stream.finish(None);
    assert_eq!((timing.end, timing.last_output, timing.chunks), (ms(200), Some(ms(100)), 1));
    assert_eq!((timing.between_chunks, timing.output_tokens), (None, Some(2)));

    // The sentinel ends a stream before its body does.
    let mut stream = Recording::<chat::Chat>::default();
    stream.content(100);
    stream.event(110, "[DONE]");
    stream.content(120);
    stream.end(130);
    let timing = stream.finish(None);
    assert_eq!((timing.end, timing.chunks), (ms(110), 1));
}

#[test]
fn chunks_have_the_time_of_the_read_that_completed_them() {
    let chunk = |content: &str| {
        format!("data: {}\n\n", delta(&format!(r#"{{"content":"{content}"}}"#), "null"))
    };
    let (a, b) = (chunk("a"), chunk("b"));
    let (half, rest) = b.split_at(20);
    let mut stream = Recording::<chat::Chat>::default();
    stream.event(100, &delta(r#"{"role":"assistant"}"#, "null"));
    stream.read(250, &format!("{a}{a}{half}"));
    stream.read(400, rest);
    let timing = stream.finish(None);
    assert_eq!(
        (timing.first_chunk, timing.first_output, timing.second_output),
        (Some(ms(100)), Some(ms(250)), Some(ms(250)))
    );
    assert_eq!((timing.last_output, timing.chunks, timing.end), (Some(ms(400)), 4, ms(400)));
    stream.assert_learned_all_but(2); // the role, and the first content
}

#[test]
fn an_empty_recording_has_no_figures() {
    let timing = Recorder::new().finish(Times::default(), None);
    assert_eq!(timing.to_string(), "end_to_end=0.000s chunks=0");
    assert_eq!((timing.first_byte, timing.end), (None, Duration::ZERO));
    assert_eq!((timing.vllm().ttft, timing.genai_perf().request_latency), (None, None));
    for tokens in [0, 1] {
        let mut one = Recording::<chat::Chat>::default();
        one.content(5);
        assert_eq!(
            one.finish(Some(tokens)).vllm().tpot,
            None,
            "{tokens}: there is no gap to share"
        );
    }

    let mut silent = Recording::<chat::Chat>::default();
    silent.end(10);
    let timing = silent.finish(None);
    assert_eq!((timing.first_byte, timing.end), (None, ms(10)));
}

#[test]
fn without_an_end_the_latest_time_counts_as_it_and_recording_goes_on() {
    let mut stream = Recording::<chat::Chat>::default();
    stream.content(7);
    stream.read(9, ": keep-alive\n\n");
    assert_eq!(stream.finish(None).end, ms(9));
    stream.content(12);
    stream.content(13);
    stream.end(14);
    let timing = stream.finish(None);
    assert_eq!((timing.chunks, timing.end), (3, ms(14)));
    stream.assert_learned_all_but(2);
}

#[test]
fn without_a_sessions_times_the_first_and_the_last_chunk_are_the_first_byte_and_the_end() {
    let mut stream = Recording::<chat::Chat>::with(Recorder::new().with_long_gaps(ms(1)));
    stream.read(1, ": keep-alive\n\n");
    stream.content(7);
    stream.content(9);
    stream.end(30);
    let timing = stream.recorder.finish(Times::default(), None);
    assert_eq!((timing.first_byte, timing.end), (Some(ms(7)), ms(9)));
    assert_eq!(timing.long_gaps.unwrap().count, 1);
    assert_eq!(stream.finish(None).first_byte, Some(ms(1)));
}

#[test]
fn it_displays_as_one_line_for_a_log() {
    let line = stream(Recorder::new().with_long_gaps(ms(150))).finish(None).to_string();
    assert_eq!(
        line,
        "time_to_first_byte=0.100s time_to_first_chunk=0.100s time_to_first_token=0.200s \
         time_to_first_content=0.300s end_to_end=0.610s chunks=8 between_chunks_p50=0.090s p90=0.124s \
         p99=0.156s max=0.160s tokens=5 tokens_per_second=13.3 long_gaps=1 longest_gap=0.160s"
    );
}

#[test]
fn it_serialises_in_seconds_under_each_tools_names() {
    let mut stream = Recording::<chat::Chat>::with(Recorder::new().with_long_gaps(ms(150)));
    for at in [100, 200] {
        stream.content(at);
        stream.recorder.tokens(1);
    }
    stream.end(250);
    let gap = json!({"count": 1, "exact": true, "mean": 0.1, "min": 0.1, "p50": 0.1, "p90": 0.1, "p99": 0.1, "max": 0.1});
    let expected = json!({
        "time_to_first_byte": 0.1,
        "time_to_first_chunk": 0.1,
        "time_to_first_token": 0.1,
        "time_to_first_content": 0.1,
        "end_to_end": 0.25,
        "chunks": 2,
        "output_tokens": 2,
        "tokens_per_second": 10.0,
        "per_token": gap,
        "long_gaps": {"threshold": 0.15, "count": 0, "longest": 0.0, "total": 0.0},
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
            "gen_ai.client.inference.time_to_first_chunk": 0.1,
            "gen_ai.client.inference.time_per_output_chunk": gap,
            "gen_ai.client.inference.duration": 0.25,
        },
    });
    assert_eq!(serde_json::to_value(stream.finish(None)).unwrap(), expected);

    let empty = json!({
        "end_to_end": 0.0,
        "chunks": 0,
        "vllm": {},
        "genai_perf": {},
        "open_telemetry": {"gen_ai.client.inference.duration": 0.0},
    });
    let timing = Recorder::new().finish(Times::default(), None);
    assert_eq!(serde_json::to_value(timing).unwrap(), empty, "what is not known is left out");
}

#[test]
fn an_outcome_has_its_attributes() {
    let stream = stream(Recorder::new());
    let timing = stream.finish(None);
    let outcome = stream.session.close(How::Stopped);
    let bare = [
        ("gen_ai.operation.name", Value::String("chat")),
        ("gen_ai.request.stream", Value::Bool(true)),
        ("gen_ai.response.id", Value::String("c-1")),
        ("gen_ai.response.model", Value::String("m")),
        ("gen_ai.response.finish_reasons", Value::Strings(vec!["stop"])),
        ("gen_ai.usage.input_tokens", Value::Integer(7)),
        ("gen_ai.usage.output_tokens", Value::Integer(5)),
    ];
    assert_eq!(attributes(&outcome, None, None), bare);

    let mut counted = TokenCounts::default();
    (counted.output, counted.cached, counted.reasoning) = (Some(6), Some(2), Some(1));
    let all = attributes(&outcome, Some(&timing), Some(counted));
    for expected in [
        (open_telemetry::RESPONSE_TIME_TO_FIRST_CHUNK, Value::Double(0.1)),
        (open_telemetry::USAGE_INPUT_TOKENS, Value::Integer(7)),
        (open_telemetry::USAGE_OUTPUT_TOKENS, Value::Integer(6)),
        (open_telemetry::USAGE_CACHE_READ_INPUT_TOKENS, Value::Integer(2)),
        (open_telemetry::USAGE_REASONING_OUTPUT_TOKENS, Value::Integer(1)),
    ] {
        assert!(all.contains(&expected), "{expected:?} in {all:?}");
    }
    assert_eq!(all.len(), bare.len() + 3);
}

#[test]
fn each_choice_has_a_finish_reason_even_if_none_arrived() {
    let mut session = chat::Session::new();
    let input = br#"data: {"choices":[{"index":0,"delta":{}},{"index":1,"finish_reason":"stop"}]}

"#;
    session.feed(input).unwrap();
    let outcome = session.close(How::Clean);
    let reasons = Value::Strings(vec!["error", "stop"]);
    assert!(
        attributes(&outcome, None, None)
            .contains(&(open_telemetry::RESPONSE_FINISH_REASONS, reasons))
    );
}

#[test]
fn an_outcome_with_an_error_has_its_kind() {
    let mut session = completions::Session::new();
    assert!(session.feed(b"data: {\"error\":{\"message\":\"no\"}}\n\n").is_err());
    let outcome: Outcome<completions::Completion> = session.close(How::Clean);
    let expected = json!([
        ["gen_ai.operation.name", "text_completion"],
        ["gen_ai.request.stream", true],
        ["error.type", "api"],
    ]);
    assert_eq!(serde_json::to_value(attributes(&outcome, None, None)).unwrap(), expected);
}

#[test]
fn a_recording_is_bounded_however_long_the_stream_is() {
    let mut session = chat::Session::new();
    let mut recorder = Recorder::new();
    let event = format!("data: {}\n\n", delta(r#"{"content":"a"}"#, "null"));
    for n in 0..20_000 {
        session.feed(event.as_bytes()).unwrap();
        let update = session.update();
        recorder.record(&update, Duration::from_micros(n * 997));
        recorder.tokens(2);
    }
    assert!(session.accumulator().stats().learned >= 19_990);
    let Timing { between_chunks, per_token, .. } = recorder.finish(session.times(), None);
    let (gaps, per_token) = (between_chunks.unwrap(), per_token.unwrap());
    assert!(!gaps.exact && !per_token.exact);
    assert_eq!(
        (gaps.count, gaps.max, gaps.mean),
        (19_999, Duration::from_micros(997), Duration::from_micros(997))
    );
    assert_eq!(per_token.count, 2 * 19_999);
    assert!(gaps.p50.abs_diff(gaps.max) <= gaps.max / 64, "{gaps:?}");
}

#[test]
fn a_tool_call_that_is_whole_only_at_the_end_is_no_chunk() {
    let mut recording: Recording = Recording::default();
    recording.event(10, &delta("{}", "\"stop\""));
    recording.event(20, &delta(r#"{"tool_calls":[{"id":"a"}]}"#, "null"));
    let before = recording.finish(None);
    recording.event(30, "[DONE]");
    assert!(recording.session.update().at_end() && !recording.session.update().is_empty());
    let after = recording.finish(None);
    assert_eq!(after.between_chunks, before.between_chunks);
    assert_eq!((after.chunks, after.end), (2, ms(30)));
}
