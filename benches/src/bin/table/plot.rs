//! The tables as a picture: a row of dots for each row, ours among the peers', on a logarithmic
//! scale.

use std::error::Error;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::cells::{Row, Table};
use crate::record::Record;

const WIDTH: i32 = 960;
const ROW: i32 = 15;
const LEFT: i32 = 220;
const RIGHT: i32 = WIDTH - 30;
const OURS: RGBColor = RGBColor(200, 30, 45);
const LIMIT: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(225, 225, 225);
const PEERS: [RGBColor; 9] = [
    RGBColor(31, 119, 180),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
    RGBColor(255, 127, 14),
    RGBColor(140, 140, 140),
    RGBColor(23, 160, 190),
    RGBColor(188, 170, 34),
    RGBColor(227, 119, 194),
    RGBColor(120, 80, 60),
];

/// One part of the picture.
struct Panel<'a> {
    title: &'a str,
    table: &'a Table,
    value: fn(&Row, f64) -> f64,
    /// The ends of the scale, as powers of ten.
    decades: (i32, i32),
    top: i32,
}

/// The picture, as SVG.
pub(crate) fn svg(record: &Record) -> Result<String, Box<dyn Error>> {
    let decode = Panel {
        title: "decode: GB/s (right is better)",
        table: &record.decode,
        value: Row::speed,
        decades: (-3, 2),
        top: 10,
    };
    let fold = Panel {
        title: "fold: nanoseconds a chunk (left is better)",
        table: &record.fold,
        value: Row::per_event,
        decades: (1, 4),
        top: decode.bottom() + 30,
    };
    let mut svg = String::new();
    {
        let height = fold.bottom() + 10;
        let root = SVGBackend::with_string(&mut svg, (WIDTH.unsigned_abs(), height.unsigned_abs()))
            .into_drawing_area();
        root.fill(&WHITE)?;
        decode.draw(&root)?;
        fold.draw(&root)?;
        root.present()?;
    }
    Ok(svg)
}

type Canvas<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

impl Panel<'_> {
    const LEGEND: i32 = 5;

    fn draw(&self, canvas: &Canvas<'_>) -> Result<(), Box<dyn Error>> {
        let font = ("sans-serif", 12).into_font();
        let left = font.color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
        let right = font.color(&BLACK).pos(Pos::new(HPos::Right, VPos::Center));
        let middle = font.color(&BLACK).pos(Pos::new(HPos::Center, VPos::Center));
        let title =
            ("sans-serif", 15).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
        canvas.draw(&Text::new(self.title, (10, self.top + 10), title))?;

        let peers = self.table.peers.iter().zip(PEERS).map(|(&name, color)| (name, color));
        let limit =
            self.table.rows.iter().any(|row| row.limit.is_some()).then_some(("limit", LIMIT));
        for (n, (name, color)) in
            [("deltawire", OURS)].into_iter().chain(limit).chain(peers).enumerate()
        {
            let n = i32::try_from(n)?;
            let (x, y) = (20 + n % 4 * 235, self.top + 30 + n / 4 * ROW);
            canvas.draw(&Circle::new((x, y), 4, color.filled()))?;
            canvas.draw(&Text::new(name, (x + 10, y), left.clone()))?;
        }

        for power in self.decades.0..=self.decades.1 {
            let x = self.x(10_f64.powi(power));
            canvas.draw(&PathElement::new(
                [(x, self.y(0) - ROW), (x, self.y(self.table.rows.len()) - ROW)],
                GRID,
            ))?;
            canvas.draw(&Text::new(
                format!("{}", 10_f64.powi(power)),
                (x, self.y(0) - ROW - 8),
                middle.clone(),
            ))?;
        }
        for (n, row) in self.table.rows.iter().enumerate() {
            let y = self.y(n);
            canvas.draw(&PathElement::new([(LEFT, y), (RIGHT, y)], GRID))?;
            canvas.draw(&Text::new(
                format!("{}, {}", row.corpus, row.size),
                (LEFT - 10, y),
                right.clone(),
            ))?;
            for (seconds, color) in
                row.peers.iter().zip(PEERS).filter_map(|(s, color)| Some(((*s)?, color)))
            {
                canvas.draw(&Circle::new(
                    (self.x((self.value)(row, seconds)), y),
                    3,
                    color.filled(),
                ))?;
            }
            if let Some(limit) = row.limit {
                canvas.draw(&Circle::new((self.x((self.value)(row, limit)), y), 4, LIMIT))?;
            }
            canvas.draw(&Circle::new(
                (self.x((self.value)(row, row.ours)), y),
                5,
                OURS.filled(),
            ))?;
        }
        Ok(())
    }

    fn bottom(&self) -> i32 {
        self.y(self.table.rows.len())
    }

    fn y(&self, row: usize) -> i32 {
        self.top + 30 + Self::LEGEND * ROW + ROW * i32::try_from(row).unwrap_or_default()
    }

    fn x(&self, value: f64) -> i32 {
        let (low, high) = (f64::from(self.decades.0), f64::from(self.decades.1));
        let part = ((value.log10() - low) / (high - low)).clamp(0.0, 1.0);
        LEFT + (part * f64::from(RIGHT - LEFT)) as i32
    }
}
