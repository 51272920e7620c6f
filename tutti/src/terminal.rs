//! What commands print.
//!
//! Invariant: a reader that has seen enough (`tutti config | head`) ends the command quietly, as the shell's other
//! commands end.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};

/// Prints a line. Takes what `println!` takes.
macro_rules! say {
    () => { $crate::terminal::write(format_args!("\n")) };
    ($($words:tt)*) => { $crate::terminal::write(format_args!("{}\n", format_args!($($words)*))) };
}
pub(crate) use say;

/// Writes to standard output. Ends the process if its reader is gone.
pub(crate) fn write(text: Arguments<'_>) {
    let mut output = std::io::stdout().lock();
    match output.write_fmt(text).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        // A full disk, or a terminal that is gone: there is no other place to say it.
        Err(_) | Ok(()) => {}
    }
}
