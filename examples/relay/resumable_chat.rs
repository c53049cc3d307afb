//! Serves a chat whose answers survive a reload of the page, and a dead connection.
//!
//! `cargo run -p deltawire-relay-examples --example resumable_chat`
//!
//! It keeps the answers in memory, or in Redis if `REDIS_URL` is set. Then another process, with
//! the same `REDIS_URL`, serves them as well. The model is a recording of the replay server, in
//! this process, unless `OPENAI_BASE_URL` names a server. `PORT` is the port, or else a free one;
//! `DELTAWIRE_REPLAY_SPEED` is the speed of the recording.

use deltawire_relay::{MemoryLog, RedisLog, Relay};
use deltawire_relay_examples::{App, routes};
use std::env::var;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let relay = match var("REDIS_URL") {
        Ok(url) => Relay::new(RedisLog::open(&url)?),
        Err(_) => Relay::new(MemoryLog::new()),
    };
    let speed = var("DELTAWIRE_REPLAY_SPEED").as_deref().unwrap_or("1").parse()?;
    let replay = deltawire_replay::Server::builder().speed(speed).start()?;
    let model_url = var("OPENAI_BASE_URL").unwrap_or_else(|_| replay.base_url());
    let port: u16 = var("PORT").as_deref().unwrap_or("0").parse()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, routes(App { relay, model_url })).await?;
    Ok(())
}
