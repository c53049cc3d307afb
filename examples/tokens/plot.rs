//! The number of messages over time, as a picture in the terminal and as SVG.

use plotters::prelude::{
    BLACK, BLUE, ChartBuilder, IntoDrawingArea, LineSeries, RED, SVGBackend, WHITE,
};
use textplots::{Chart, Plot, Shape};

use deltawire_examples::Error;

/// Draws the number of messages over time in dots of text, about 60 columns and 15 lines.
pub(crate) fn in_text(seconds: &[f64]) -> String {
    let points: Vec<(f32, f32)> =
        steps(seconds).into_iter().map(|(x, y)| (x as f32, y as f32)).collect();
    let end = points.last().map_or(1.0, |&(x, _)| x.max(0.01));
    let mut chart = Chart::new(120, 48, 0.0, end);
    let shape = Shape::Steps(&points);
    let chart = chart.lineplot(&shape);
    chart.axis();
    chart.figures();
    format!("Messages received over the seconds after request:\n{chart}")
}

/// Draws the same as an SVG file, with a line at the time of the answer that was not streamed.
pub(crate) fn as_svg(file: &str, seconds: &[f64], whole: f64) -> Result<(), Error> {
    let points = steps(seconds);
    let end = points.last().map_or(whole, |&(x, _)| x.max(whole)) * 1.05;
    let most = points.len() as f64 * 1.05;
    let area = SVGBackend::new(file, (800, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Messages received: streamed (blue), not streamed (red)", ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..end.max(0.01), 0.0..most)?;
    chart
        .configure_mesh()
        .x_desc("seconds after request")
        .y_desc("messages")
        .axis_style(BLACK)
        .draw()?;
    chart.draw_series(LineSeries::new(points.iter().copied(), &BLUE))?;
    chart.draw_series(LineSeries::new([(whole, 0.0), (whole, most)], &RED))?;
    area.present()?;
    Ok(())
}

/// Returns the time and the number of each message, from zero.
fn steps(seconds: &[f64]) -> Vec<(f64, f64)> {
    let counted = seconds.iter().enumerate().map(|(before, &at)| (at, (before + 1) as f64));
    std::iter::once((0.0, 0.0)).chain(counted).collect()
}
