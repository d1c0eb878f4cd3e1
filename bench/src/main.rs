//! `make bench`: measures Parlor beside the floor and what people would use instead, prints
//! Markdown, and says which targets are met.
//!
//! `parlor-bench [--quick] [--only CHAPTER[,CHAPTER…]]`. Start reading at [`chapters`].

mod chapters;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use parlor_bench::contestants::Programs;
use parlor_bench::report::Verdict;
use parlor_bench::{contestants, crowd, machine, report, talk};

/// How thoroughly to measure.
struct Bench {
    programs: Programs,
    /// Each measurement is repeated so often, in turns with the others.
    repeats: usize,
    /// How long one measurement lasts.
    duration: Duration,
    /// Whether only a glance is wanted: fewer repeats, smaller crowds.
    quick: bool,
}

/// What one chapter has found out.
#[derive(Default)]
struct Chapter {
    text: String,
    verdicts: Vec<Verdict>,
}

impl Chapter {
    fn paragraph(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push_str("\n\n");
    }

    fn table(&mut self, table: &report::Table) {
        self.paragraph(table.show().trim_end());
    }
}

type Measure = fn(&Bench) -> anyhow::Result<Chapter>;

/// The chapters in their order: the word to ask for one, its title, what measures it.
const CHAPTERS: [(&str, &str, Measure); 12] = [
    ("room", "One room of 1 000 WebSockets", chapters::big_room::measure),
    ("busy", "500 messages a second in a room of 1 000", chapters::busy_room::measure),
    (
        "small",
        "1 000 rooms of 5, a message a second from everybody",
        chapters::small_rooms::measure,
    ),
    ("events", "One room of 1 000 streams of events", chapters::other_dialects::measure_events),
    ("socketio", "1 000 clients of Socket.IO", chapters::other_dialects::measure_socket_io),
    ("idle", "Memory of an idle connection", chapters::idle::measure),
    ("command", "A command in a room of 10", chapters::command::measure),
    ("storms", "5 000 come, 5 000 leave at once", chapters::storms::measure),
    ("cluster", "Several nodes", chapters::cluster::measure),
    ("requests", "Requests", chapters::requests::measure),
    ("start", "Start and idle server", chapters::start::measure),
    ("presence", "Presence in very large rooms", chapters::presence::measure),
];

#[allow(clippy::print_stdout, reason = "the report is what this program is for")]
fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let only = arguments.iter().position(|argument| argument == "--only");
    let only = only.map(|at| arguments.get(at + 1).context("--only needs a name")).transpose()?;
    let wanted = |name: &str| only.is_none_or(|only| only.split(',').any(|one| one == name));

    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bench = Bench {
        programs: Programs::find(folder)?,
        repeats: if quick { 2 } else { 4 },
        duration: Duration::from_millis(if quick { 1_000 } else { 2_000 }),
        quick,
    };
    machine::pin_to_load_core()?;

    let mut whole = String::new();
    let mut verdicts = Vec::new();
    for (name, title, measure) in CHAPTERS {
        if !wanted(name) {
            continue;
        }
        let load = machine::load_average();
        let chapter = measure(&bench).unwrap_or_else(|error| Chapter {
            text: format!("Could not be measured: {error:#}\n\n"),
            verdicts: Vec::new(),
        });
        let text = format!("## {title}\n\n{}", chapter.text);
        println!("{text}(load average before: {load:.2})\n");
        whole.push_str(&text);
        verdicts.extend(chapter.verdicts);
    }
    let targets = format!("## Targets\n\n{}\n", Verdict::table(&verdicts));
    println!("{targets}");
    whole.push_str(&targets);
    std::fs::write(folder.join("target/report.md"), whole)?;
    Ok(())
}
