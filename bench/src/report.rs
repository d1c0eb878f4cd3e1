//! Tables of Markdown, medians and spreads.

use std::fmt::Write as _;

/// Figures of several repeats.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<f64>);

impl Figures {
    /// Adds the figure of one repeat.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// Returns the median, or not-a-number of nothing.
    pub fn median(&self) -> f64 {
        quantile(&self.sorted(), 0.5)
    }

    /// Writes median and spread: `0.97 (0.95–0.98)`.
    pub fn show(&self, decimals: usize) -> String {
        let sorted = self.sorted();
        let (Some(low), Some(high)) = (sorted.first(), sorted.last()) else { return "–".into() };
        format!("{:.decimals$} ({low:.decimals$}–{high:.decimals$})", self.median())
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// Returns a quantile of sorted figures: of an even number the mean of the two in the middle is
/// the median. Not-a-number of nothing.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// Returns p50 and p99 of latencies in µs, in ms.
pub fn latency_ms(latencies_us: &[u32]) -> (f64, f64) {
    let mut sorted: Vec<f64> = latencies_us.iter().map(|&us| f64::from(us) / 1_000.0).collect();
    sorted.sort_by(f64::total_cmp);
    (quantile(&sorted, 0.5), quantile(&sorted, 0.99))
}

/// A table.
pub struct Table {
    text: String,
}

impl Table {
    /// Begins a table with its heads; all columns but the first hold figures.
    pub fn new(heads: &[&str]) -> Table {
        let mut table = Table { text: String::new() };
        table.row(heads.iter().map(|head| (*head).to_owned()));
        let rules = (0..heads.len()).map(|column| if column == 0 { "---" } else { "--:" });
        table.row(rules.map(String::from));
        table
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.text.push('|');
        for cell in cells {
            let _ = write!(self.text, " {cell} |");
        }
        self.text.push('\n');
    }

    /// Returns the Markdown of it.
    pub fn show(&self) -> &str {
        &self.text
    }
}

/// One target and what was measured of it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What is measured.
    pub what: String,
    /// What it should be.
    pub target: String,
    /// What it is.
    pub measured: String,
    /// Whether it is so.
    pub met: bool,
}

impl Verdict {
    /// A figure that should be at least `target`.
    pub fn at_least(what: &str, unit: &str, target: f64, measured: f64) -> Verdict {
        Verdict::new(what, format!("≥ {}{unit}", plain(target)), unit, measured, measured >= target)
    }

    /// A figure that should be at most `target`.
    pub fn at_most(what: &str, unit: &str, target: f64, measured: f64) -> Verdict {
        Verdict::new(what, format!("≤ {}{unit}", plain(target)), unit, measured, measured <= target)
    }

    fn new(what: &str, target: String, unit: &str, measured: f64, met: bool) -> Verdict {
        let measured = format!("{}{unit}", plain(measured));
        Verdict { what: what.to_owned(), target, measured, met }
    }

    /// Writes all of them as a table.
    pub fn table(verdicts: &[Verdict]) -> String {
        let mut table = Table::new(&["target", "should be", "measured", "met"]);
        for verdict in verdicts {
            let met = if verdict.met { "yes" } else { "**no**" };
            table.row([
                verdict.what.clone(),
                verdict.target.clone(),
                verdict.measured.clone(),
                met.to_owned(),
            ]);
        }
        table.show().to_owned()
    }
}

/// Writes a figure with as many digits as it deserves; thousands are set apart.
pub fn plain(figure: f64) -> String {
    if !figure.is_finite() {
        return "–".into();
    }
    if figure.abs() < 10.0 {
        return format!("{figure:.2}");
    }
    if figure.abs() < 100.0 {
        return format!("{figure:.1}");
    }
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0], 0.5), 1.5);
        assert_eq!(quantile(&[1.0, 2.0, 9.0], 0.5), 2.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn figures_are_written_as_people_read_them() {
        let written = [0.956, 38.04, 137_000.0].map(plain);
        assert_eq!(written, ["0.96", "38.0", "137\u{202f}000"]);
    }
}
