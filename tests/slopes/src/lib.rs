//! The inputs of a hostile server, one row for each thing that it may try.
//!
//! A row makes an input of about a size and runs it through a part of the project. The test
//! `slopes` runs each row at four sizes, and holds that the instructions grow with the size, that
//! no byte costs more than [`Row::cost`], and that no more is held than [`Row::held`] allows for
//! what was sent. Whatever takes bytes from a server has rows here.

#![forbid(unsafe_code)]

pub mod bodies;
pub mod dialects;
pub mod fold;
pub mod gate;
pub mod json;
pub mod over_async;
pub mod over_ureq;
pub mod sources;
pub mod tokens;

/// One kind of input, and the part of the project that takes it.
pub struct Row {
    /// The name: the part, a slash, and the kind of input.
    pub name: &'static str,
    /// The size in bytes of the smallest of four inputs. Each is twice the one before.
    pub size: usize,
    /// The most instructions for each byte.
    pub cost: u64,
    /// The memory that may be held.
    pub held: Held,
    /// Makes an input of about this size.
    pub make: Box<dyn Fn(usize) -> String + Send + Sync>,
    /// Runs an input.
    pub run: Box<dyn Fn(&str) + Send + Sync>,
}

/// A bound on the memory that is held at any time: so many bytes for each that was sent, and some.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// The bytes for each byte of the input.
    pub times: usize,
    /// The bytes besides.
    pub plus: usize,
}

impl Held {
    /// The bound of a stream with default options.
    pub const DEFAULT: Self = Self { times: 4, plus: 1 << 20 };
    /// The bound of a stream with every option on.
    pub const OPTIONS: Self = Self { times: 8, plus: 4 << 20 };
}

impl Row {
    /// Returns a row whose input is of 16 KiB and more and that has the bound of all options.
    pub fn new(
        name: &'static str,
        make: impl Fn(usize) -> String + Send + Sync + 'static,
        run: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        let (make, run) = (Box::new(make), Box::new(run));
        Self { name, size: 16 << 10, cost: 1000, held: Held::OPTIONS, make, run }
    }

    /// Sets the bound on memory.
    #[must_use]
    pub fn held(mut self, held: Held) -> Self {
        self.held = held;
        self
    }

    /// Sets the most instructions for each byte.
    #[must_use]
    pub fn cost(mut self, instructions: u64) -> Self {
        self.cost = instructions;
        self
    }

    /// Sets the size of the smallest input.
    #[must_use]
    pub fn size(mut self, bytes: usize) -> Self {
        self.size = bytes;
        self
    }
}

/// Makes an input of about a size.
type Make = fn(usize) -> String;

/// The rows of one part, which have the bound of default options.
struct Table(Vec<Row>);

impl Table {
    /// Adds a row.
    fn add(
        &mut self,
        name: impl Into<String>,
        make: Make,
        run: impl Fn(&str) + Send + Sync + 'static,
    ) -> &mut Row {
        // The table is made once, and its names last as long as the program.
        let row = Row::new(name.into().leak(), make, run).held(Held::DEFAULT);
        self.0.push(row);
        self.0.last_mut().expect("it was just added")
    }
}

/// Returns the whole table.
#[must_use]
pub fn rows() -> Vec<Row> {
    let parts = [
        fold::rows(),
        dialects::rows(),
        json::rows(),
        gate::rows(),
        tokens::rows(),
        over_async::rows(),
        over_ureq::rows(),
        sources::rows(),
    ];
    parts.into_iter().flatten().collect()
}

/// Runs a row. It is a function of its own, so that only what it does is counted.
#[inline(never)]
pub fn measured(row: &Row, input: &str) {
    (row.run)(std::hint::black_box(input));
}

/// Repeats a text up to about a size.
#[must_use]
pub fn repeat(unit: &str, size: usize) -> String {
    unit.repeat(size / unit.len())
}

/// Makes texts with a number each, up to about a size.
pub fn numbered(size: usize, mut text: impl FnMut(usize) -> String) -> String {
    let mut all = String::with_capacity(size);
    let mut number = 0;
    while all.len() < size {
        all.push_str(&text(number));
        number += 1;
    }
    all
}
