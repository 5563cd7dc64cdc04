//! `completions`: a script that teaches a shell the commands and flags.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::app::Exit;
use crate::cli::Cli;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  emberline completions bash > /etc/bash_completion.d/emberline
  emberline completions zsh > \"${fpath[1]}/_emberline\"
  emberline completions fish > ~/.config/fish/completions/emberline.fish";

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Which shell.
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// If stdout cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "emberline", &mut script);
    output::text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
