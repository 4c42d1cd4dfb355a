//! The only place that writes to the standard streams. A reader that has gone away (`| head`) is not an error of ours.
//!
//! Knows streams and colour; does not know what is said.

use std::io::{IsTerminal as _, Write as _};

/// Writes to standard output.
pub(crate) fn out(text: &str) {
    out_bytes(text.as_bytes());
}

/// Writes raw bytes (a value need not be text) to standard output.
pub(crate) fn out_bytes(bytes: &[u8]) {
    let mut stream = std::io::stdout().lock();
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
}

/// Writes one line to standard error.
pub(crate) fn err(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes to standard error over the line that was written like this before: an empty text clears it.
pub(crate) fn err_over(line: &str) {
    let mut stream = std::io::stderr().lock();
    let _ = write!(stream, "\r\x1b[K{line}").and_then(|()| stream.flush());
}

/// Colours for standard output: only on a terminal, and not where `NO_COLOR` asks for none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// As standard output is now.
    pub(crate) fn for_stdout() -> Self {
        Self { on: std::io::stdout().is_terminal() && no_color_is_unset() }
    }

    /// Never any colour.
    #[cfg(test)]
    pub(crate) fn off() -> Self {
        Self { on: false }
    }

    /// What all is well with.
    pub(crate) fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// What somebody should look at.
    pub(crate) fn alarm(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// What stands out.
    pub(crate) fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Whether somebody looks at standard error as it is written.
pub(crate) fn stderr_is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether standard error may carry colours.
pub(crate) fn stderr_has_colour() -> bool {
    std::io::stderr().is_terminal() && no_color_is_unset()
}

fn no_color_is_unset() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
