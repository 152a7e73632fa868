//! Colours, where a person looks and has not asked for none.

use std::io::{IsTerminal, stdout};

use super::logging::no_colour;

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// All is well.
    Green,
    /// Worth a look.
    Yellow,
    /// Something must be done.
    Red,
}

/// Whether, and where, colours are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    terminal: bool,
    colours: bool,
}

impl Paint {
    /// For what goes to standard output.
    pub(super) fn stdout() -> Self {
        let terminal = stdout().is_terminal();
        Self {
            terminal,
            colours: terminal && !no_colour(),
        }
    }

    /// Whether a terminal shows it.
    pub(super) fn is_terminal(self) -> bool {
        self.terminal
    }

    /// The words in this colour.
    pub(super) fn in_colour(self, colour: Colour, words: &str) -> String {
        if !self.colours {
            return words.to_owned();
        }
        let code = match colour {
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Red => 31,
        };
        format!("\x1b[{code}m{words}\x1b[0m")
    }
}
