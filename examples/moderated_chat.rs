//! Prints each sentence of a streamed chat completion after a judge has let it pass.
//!
//! `cargo run --release --example moderated_chat -- nitrogen massive`
//!
//! The judge replaces the given words, or `nitrogen` and `massive` if there are none. With
//! `OPENAI_API_KEY` set it also asks the moderations endpoint, and ends the answer at a sentence
//! that this flags. Each line has the time that the judge took.

use std::process::ExitCode;
use std::time::Instant;

use deltawire::{Place, TextKind};
use deltawire_examples::{Error, Screen, Server, exit_code};
use deltawire_gate::{Policy, Span, Verdict};
use serde_json::{Value, json};

fn main() -> ExitCode {
    exit_code("moderated_chat", run())
}

fn run() -> Result<ExitCode, Error> {
    let mut words: Vec<String> = std::env::args().skip(1).map(|word| word.to_lowercase()).collect();
    if words.is_empty() {
        words = vec!["nitrogen".into(), "massive".into()];
    }
    let server = Server::start()?;
    let mut screen = Screen::new();
    let request = json!({
        "model": Server::model("smollm2-sky"),
        "messages": [{"role": "user", "content": "Explain in three short sentences why the sky is blue."}],
        "stream": true,
    });

    let start = Instant::now();
    let stream = deltawire_ureq::chat(server.post("chat/completions", &request)?)?;
    let mut gated =
        deltawire_ureq::try_gated(stream, Policy::sentences().with_context(200), |span| {
            judge(span, &words)
        })
        .with_clock(move || start.elapsed());
    let mut sentence = String::new();
    while let Some(piece) = gated.next()? {
        sentence.push_str(piece.text);
        if piece.characters.end == piece.span.end {
            let (at, later) =
                (piece.released.as_secs_f64(), (piece.released - piece.arrived).as_secs_f64());
            screen.line(&format!(
                "After {at:.2} s ({later:.2} s later than ungated): {}",
                sentence.trim_end()
            ))?;
            sentence.clear();
        }
    }

    let (outcome, moderation) = gated.finish();
    let written: Vec<char> = outcome.answer.text().chars().collect();
    if let Some(text) = moderation.find(Place::choice(0), TextKind::Content) {
        for range in text.redacted.iter().map(|part| &part.characters).chain(&text.dropped) {
            let kept_back: String = written[range.clone()].iter().collect();
            screen.line(&format!(
                "Withheld, characters {} to {}: {kept_back}",
                range.start, range.end
            ))?;
        }
    }
    let (mean, most) = (moderation.delay.mean_seconds(), moderation.delay.max().as_secs_f64());
    screen.line(&format!(
        "A character came {mean:.2} s later than ungated on average, {most:.2} s at most"
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Replaces the listed words, and ends the answer where the moderations endpoint flags it.
fn judge(span: &Span<'_>, words: &[String]) -> Result<Verdict, Error> {
    if let Ok(key) = std::env::var("OPENAI_API_KEY") {
        let base =
            std::env::var("OPENAI_BASE_URL").unwrap_or_else(|_| "https://api.openai.com/v1".into());
        let body = json!({"model": "omni-moderation-latest", "input": format!("{}{}", span.context, span.text)});
        let request = ureq::post(format!("{}/moderations", base.trim_end_matches('/')));
        let request = request
            .header("authorization", format!("Bearer {key}"))
            .content_type("application/json");
        let answer = request.send(body.to_string())?.body_mut().read_to_string()?;
        let answer: Value = serde_json::from_str(&answer)?;
        if answer["results"][0]["flagged"]
            .as_bool()
            .ok_or("the moderations endpoint gave no verdict")?
        {
            return Ok(Verdict::Stop { at: 0 });
        }
    }
    let (mut parts, mut at) = (Vec::new(), 0);
    for word in span.text.split_inclusive(|character: char| !character.is_alphanumeric()) {
        let bare = word.trim_end_matches(|character: char| !character.is_alphanumeric());
        if words.contains(&bare.to_lowercase()) {
            parts.push((at..at + bare.chars().count(), "[…]"));
        }
        at += word.chars().count();
    }
    Ok(Verdict::redact_parts(parts))
}
