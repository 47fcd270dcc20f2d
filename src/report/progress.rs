//! Draws [`OperationEvent`]s as they come: a live tree on a terminal, a line per event without one, JSON for programs.

mod lines;
mod resource;
mod tree;

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::time::Duration;

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval};

use crate::operation::OperationEvent;

use super::output::{OutputFormat, unless_closed, write_json_line};
use super::style::Palette;
use super::text;

pub use lines::event_line;
pub use tree::Tree;

/// How often the tree is redrawn while nothing happens: often enough for a spinner, seldom
/// enough for a slow connection.
const REDRAW: Duration = Duration::from_millis(125);

/// How a running operation is shown.
pub enum Drawer {
    /// A live tree on stderr.
    Tree(LiveTree),
    /// One line per event, on stderr.
    Lines(Lines),
    /// One JSON object per event, on stdout.
    Json(Box<dyn Write + Send>),
}

/// The tree and the terminal it is drawn on.
pub struct LiveTree {
    tree: Tree,
    term: Term,
    screen: MultiProgress,
    bar: ProgressBar,
}

/// Where the lines go, and how they look.
pub struct Lines {
    environment: String,
    palette: Palette,
    out: Box<dyn Write + Send>,
}

impl Drawer {
    /// What suits the reader: JSON on request, the tree on a terminal, lines everywhere else. CI gets lines, too: it
    /// often pretends to be a terminal, and every redraw would stay in the log.
    #[must_use]
    pub fn for_reader(format: OutputFormat, environment: &str, palette: Palette) -> Self {
        if format.is_json() {
            return Self::json();
        }
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let in_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false");
        if Term::stderr().is_term() && !dumb && !in_ci {
            Self::tree(palette)
        } else {
            Self::lines(environment, palette)
        }
    }

    /// The live tree on stderr.
    #[must_use]
    pub fn tree(palette: Palette) -> Self {
        // indicatif buffers a whole picture before it writes, so clearing and drawing do not flicker. (Its other method
        // moves the cursor without clearing, and leaves old lines below when the tree shrinks.)
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let bar = screen.add(ProgressBar::new_spinner());
        // The whole tree is one message; indicatif counts its lines and redraws them.
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self::Tree(LiveTree { tree: Tree::new(palette), term: Term::stderr(), screen, bar })
    }

    /// Lines on stderr, each with the environment's name, so that the logs of two deployments can be distinguished.
    #[must_use]
    pub fn lines(environment: &str, palette: Palette) -> Self {
        Self::lines_to(environment, palette, Box::new(io::stderr()))
    }

    /// Lines to any writer.
    #[must_use]
    pub fn lines_to(environment: &str, palette: Palette, out: Box<dyn Write + Send>) -> Self {
        Self::Lines(Lines { environment: environment.to_owned(), palette, out })
    }

    /// JSON lines on stdout.
    #[must_use]
    pub fn json() -> Self {
        Self::Json(Box::new(io::stdout()))
    }

    fn event(&mut self, event: &OperationEvent) -> io::Result<()> {
        match self {
            Self::Tree(live) => live.event(event),
            Self::Lines(Lines { environment, palette, out }) => {
                let line = event_line(environment, event, *palette);
                unless_closed(writeln!(out, "{line}").and_then(|()| out.flush()))
            }
            Self::Json(out) => write_json_line(&mut **out, event),
        }
    }

    fn tick(&mut self) {
        if let Self::Tree(live) = self {
            live.redraw(Timestamp::now());
        }
    }

    fn finish(&mut self) {
        if let Self::Tree(live) = self {
            live.finish();
        }
    }
}

impl LiveTree {
    fn event(&mut self, event: &OperationEvent) -> io::Result<()> {
        let above = self.tree.apply(event);
        if above.is_empty() {
            return Ok(());
        }
        // The tree first: a stack with a line above the tree must no longer be in it.
        self.compose(Timestamp::now());
        // One call for all lines: each call redraws the tree.
        let width = match usize::from(self.term.size().1) {
            0 => text::DEFAULT_WIDTH,
            width => width,
        };
        let above: Vec<String> = above.iter().map(|line| text::fold(line, width).into_owned()).collect();
        self.screen.println(above.join("\n"))
    }

    fn redraw(&self, now: Timestamp) {
        self.compose(now);
        self.bar.tick();
    }

    fn compose(&self, now: Timestamp) {
        let (height, width) = self.term.size();
        let (width, height) = match (usize::from(width), usize::from(height)) {
            (0, _) | (_, 0) => (text::DEFAULT_WIDTH, 24),
            size => size,
        };
        let lines = self.tree.lines(now, width, height);
        self.bar.set_message(lines.join("\n"));
    }

    /// Removes the tree and leaves its closing sentence.
    fn finish(&mut self) {
        self.bar.finish_and_clear();
        // If the terminal is gone, there is nothing to clear or to say.
        let _ = self.screen.clear();
        if let Some(sentence) = self.tree.closing() {
            let _ = self.term.write_line(&sentence);
        }
    }
}

/// Draws events until the channel closes. Returns the first error of the output only at the end: the channel is emptied
/// whatever happens to the screen, because a deployment must not fail when nobody watches.
///
/// The channel is unbounded for the same reason: a slow terminal does not slow the deployment.
pub async fn draw(mut events: UnboundedReceiver<OperationEvent>, mut drawer: Drawer) -> io::Result<()> {
    let mut outcome = Ok(());
    let mut clock = interval(REDRAW);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Some(event) => {
                    let drawn = drawer.event(&event);
                    outcome = outcome.and(drawn);
                }
                None => break,
            },
            _ = clock.tick() => drawer.tick(),
        }
    }
    drawer.finish();
    outcome
}
