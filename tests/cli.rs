//! The command as a user meets it: help, exit codes, colours, completions, a reader that goes away.

use std::io::Read;
use std::process::{Command, Output, Stdio};

fn meminterface(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
    command.args(words).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

fn output(words: &[&str]) -> Output {
    meminterface(words).output().expect("the command starts")
}

fn verbs() -> Vec<String> {
    let command = meminterface::cli::command();
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(|verb| verb.get_name().to_owned()).collect()
}

/// Splits an example as a shell does, up to the first pipe or redirection.
fn words_of(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut open) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.push(c),
            None if c == '\'' || c == '"' => (quote, open) = (Some(c), true),
            None if c == '|' || c == '>' || c == '<' => break,
            None if c == ' ' => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            None => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    words
}

#[test]
fn every_verb_has_examples_that_parse() {
    for verb in verbs() {
        let examples = meminterface::cli::examples(Some(&verb)).unwrap_or_default();
        assert!(!examples.is_empty(), "`{verb}` has no examples: add some in src/cli/examples.rs");
        for (line, comment) in examples {
            assert!(line.starts_with(&format!("meminterface {verb}")), "{line}");
            assert!(!comment.is_empty() && !comment.ends_with('.'), "{comment}");
        }
    }
    let all = verbs().into_iter().map(Some).chain([None]);
    for (line, _) in all.flat_map(|verb| meminterface::cli::examples(verb.as_deref()).unwrap_or_default()) {
        if let Err(error) = meminterface::cli::command().try_get_matches_from(words_of(line)) {
            panic!("the example `{line}` does not parse: {error}");
        }
    }
}

#[test]
fn help_tells_examples_and_exit_codes() {
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    for expected in ["Examples:", "Exit codes:", "bad usage or bad input", "NO_COLOR", "  cfg "] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    for verb in verbs() {
        let text = String::from_utf8_lossy(&output(&[&verb, "--help"]).stdout).into_owned();
        assert!(text.contains("Examples:") && text.contains(&format!("meminterface {verb}")), "{text}");
    }
}

#[test]
fn exit_codes_and_streams_of_usage() {
    // (words, exit code, on standard output, on standard error)
    for (words, code, out, err) in [
        (&["--version"][..], 0, "meminterface ", ""),
        (&["-h"], 0, "Usage:", ""),
        (&[], 2, "", "Usage:"),
        (&["no-such-verb"], 2, "", "unrecognized subcommand"),
        (&["cfg"], 2, "", "required"),
        (&["cfg", "--format", "jsn", "x.py"], 2, "", "json"),
        (&["extract", "no/such/file.py"], 2, "", "cannot-read"),
    ] {
        let output = output(words);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{words:?}\n{stderr}");
        assert!(stdout.contains(out) && (!out.is_empty() || stdout.is_empty()), "{words:?}: {stdout}");
        assert!(stderr.contains(err) && (!err.is_empty() || stderr.is_empty()), "{words:?}: {stderr}");
    }
}

#[test]
fn no_color_wins_over_forced_colours() {
    let coloured = |command: &mut Command| {
        let output = command.output().expect("the command starts");
        [output.stdout, output.stderr].concat().contains(&0x1b)
    };
    for words in [&["--help"][..], &["cfg", "--help"], &["no-such-verb"], &["cfg", "no/such/file.py"]] {
        assert!(!coloured(&mut meminterface(words)), "{words:?}: colours in a pipe");
        assert!(!coloured(meminterface(words).env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1")), "{words:?}");
    }
    assert!(coloured(meminterface(&["--help"]).env("CLICOLOR_FORCE", "1")), "the rule above sees colours");
}

#[test]
fn completions_for_every_shell() {
    for (shell, expected) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef meminterface"),
        ("fish", "complete -c meminterface"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let output = output(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8_lossy(&output.stdout);
        assert!(script.contains(expected), "{shell}: no {expected:?}");
        assert!(script.contains("cfg"), "{shell}: the verbs are missing");
    }
}

/// `meminterface … | head -1`: the reader goes away long before the writer is done.
#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_is_no_error() {
    for words in [&["completions", "zsh"][..], &["--help"]] {
        let mut child =
            meminterface(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
        // Closed before a byte is read.
        drop(child.stdout.take());
        let mut errors = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("text");
        let status = child.wait().expect("it ends");
        assert_eq!((status.code(), errors.as_str()), (Some(0), ""), "{words:?}");
    }
}
