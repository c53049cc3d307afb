//! The server that replays recordings, as a command.
