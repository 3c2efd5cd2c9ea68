//! The examples at the end of each verb's help. Tests hold that every verb has some and that each of them parses.

use clap::Command;
use clap::builder::StyledStr;
use clap::builder::styling::Styles;

/// What to type, and what it does.
pub type Example = (&'static str, &'static str);

/// The examples of the whole command.
const COMMAND: &[Example] = &[
    ("meminterface extract handler.py", "Write the memory interface of a handler"),
    ("meminterface extract template.yaml -o interfaces/", "One file for each handler of a SAM template"),
    ("meminterface handlers .", "Which handlers a repository holds"),
    ("meminterface cfg handler.py --format mermaid", "Draw the control flow of each function"),
    (
        "meminterface completions bash > ~/.local/share/bash-completion/completions/meminterface",
        "Complete verbs in bash",
    ),
];

/// The examples of each verb, by its name.
const VERBS: &[(&str, &[Example])] = &[
    (
        "extract",
        &[
            ("meminterface extract handler.py", "A Python function that gives the handler's memory demand"),
            ("meminterface extract template.yaml -o interfaces/", "One file for each handler of a template"),
            ("meminterface extract src/app.py --handler Worker.handle --format json", "One handler, as JSON"),
            ("meminterface extract handler.py --paths", "Each way through the handler, with its formula"),
            ("meminterface extract handler.py --symbols sympy", "A file that needs SymPy and nothing of ours"),
        ],
    ),
    (
        "predict",
        &[
            (
                "meminterface predict handler.py --event event.json",
                "What a handler needs for an event, without running it",
            ),
            (
                "meminterface predict template.yaml --events events.jsonl --format json",
                "Every handler and event, as JSON",
            ),
            (
                "meminterface predict handler.py --event event.json --mcv body_size=4000000",
                "With something that the event does not say",
            ),
            ("meminterface predict handler.py", "As formulas over the parts of the event"),
        ],
    ),
    (
        "handlers",
        &[
            ("meminterface handlers .", "All handlers of a repository"),
            ("meminterface handlers template.yaml --format json", "With the settings of the template, as JSON"),
            ("meminterface handlers src/app.py --handler Worker.handle", "Where one handler is"),
        ],
    ),
    (
        "formula",
        &[
            ("meminterface formula '8*n**2 + 16*n + 8*n**2'", "The canonical form"),
            ("meminterface formula '8*n**2 + 112' --evaluate n=1000", "The value in bytes"),
            ("meminterface formula '8*n*m + 16*n' --growth", "The order of growth"),
            ("meminterface formula '8*n**2 + py_list(n)' --exceeds 512MB --for n", "The first n that takes more"),
            ("meminterface formula '8*n*m + 8*n*k' --simplify --latex", "The shortest form, for a paper"),
        ],
    ),
    (
        "calls",
        &[
            ("meminterface calls handler.py", "What each function of a file calls, as JSON"),
            ("meminterface calls src/app/handler.py --package src --format text", "With imports from src/, to read"),
        ],
    ),
    (
        "contracts",
        &[
            ("meminterface contracts list numpy", "What is known of a library"),
            ("meminterface contracts show PIL.Image.Image.resize", "One contract, and where it stands"),
            ("meminterface contracts check interfaces/*.toml", "Whether contract files are right"),
        ],
    ),
    (
        "learn",
        &[
            (
                "meminterface learn networkx --python .venv/bin/python",
                "Trace the calls of a shipped workload, write contracts",
            ),
            ("meminterface learn ./mylib.py --traces traces/ -o contracts/", "The same for a library of your own"),
            ("meminterface learn --traces traces/ -o contracts/", "From traces that are there already"),
            ("meminterface learn --quick --check orjson", "Whether the contracts fit the library that is installed"),
            ("meminterface learn --from-logs report.log --events events.jsonl", "What a deployed function used"),
        ],
    ),
    (
        "cfg",
        &[
            ("meminterface cfg handler.py", "Graphs of all functions, as JSON for other programs"),
            ("meminterface cfg handler.py --format dot | dot -Tsvg -o handler.svg", "A drawing, by Graphviz"),
            ("meminterface cfg src/*.py --format mermaid", "A drawing that Markdown pages show"),
        ],
    ),
    (
        "measure",
        &[
            ("meminterface measure app.py --event event.json", "What one event needs, under the template's setting"),
            (
                "meminterface measure app.py --events events.jsonl --memory 256 --warm 3",
                "Whether 256 MB are enough, also when warm",
            ),
            (
                "meminterface measure app.py --event e.json --requirements requirements.txt",
                "In an environment of its own",
            ),
            (
                "meminterface measure template.yaml --handler Resize --event e.json --format json",
                "As JSON for other programs",
            ),
            (
                "meminterface measure app.py --imports --format html -o imports.html",
                "What each import costs, as a picture",
            ),
        ],
    ),
    (
        "recommend",
        &[
            ("meminterface recommend template.yaml", "What is known of each function before it ever ran"),
            ("meminterface recommend app.py --measured m.json", "The cheapest setting that holds what was measured"),
            (
                "meminterface recommend template.yaml --measured m.json --strategy balanced --plot curve.html",
                "Time and money alike, with a drawing",
            ),
            ("meminterface recommend template.yaml --measured m.json --apply", "Write it into the template"),
        ],
    ),
    (
        "debloat",
        &[
            (
                "meminterface debloat app.py --events tests.json --venv .venv -o slim/",
                "A trimmed copy of an application and its packages, and what it gained",
            ),
            (
                "meminterface debloat template.yaml --handler Resize --events tests.json --requirements requirements.txt",
                "A function of a template, with an environment of this tool's own",
            ),
            (
                "meminterface debloat app.py --events tests.json --keep 'numpy.random' --budget 5m",
                "Without touching a module, in at most five minutes",
            ),
            ("meminterface debloat slim/ --restore numpy.linalg", "A module of the package as it was"),
            ("meminterface debloat slim/ --undo", "All of the package as it was"),
        ],
    ),
    (
        "validate",
        &[
            (
                "meminterface validate app.py --events events.jsonl",
                "Whether the recommended setting holds, and the smallest that does",
            ),
            ("meminterface validate template.yaml --event e.json --memory 256", "Whether 256 MB are enough"),
            (
                "meminterface validate app.py --event e.json --debloated slim/ --format json -o proof.json",
                "With a debloated package beside it, as a record",
            ),
        ],
    ),
    (
        "check",
        &[
            ("meminterface check .", "Hold all functions to the budgets of meminterface.toml"),
            ("meminterface check . --since origin/main", "What the working tree changes since a branch"),
            ("meminterface check . --write-state state.json", "Keep what is known of every function"),
            ("meminterface check . --against state.json --format markdown", "What changed since then, as a comment"),
            ("meminterface check . --format sarif > memory.sarif", "For code scanning"),
        ],
    ),
    (
        "listing",
        &[
            (
                "meminterface listing template.yaml",
                "What a marketplace page needs: metadata, and what is known of memory",
            ),
            (
                "meminterface listing template.yaml --measured m.json --validation proof.json -o listing/",
                "With figures of real runs, as files: JSON, Markdown, badges, interfaces",
            ),
            (
                "meminterface listing template.yaml --author jane --semantic-version 1.0.0 --public --apply",
                "Write the metadata into the template and the section into the readme",
            ),
            (
                "meminterface listing compare a/listing.json b/listing.json --workload mine.toml",
                "Two functions side by side, at your own inputs",
            ),
        ],
    ),
    (
        "completions",
        &[
            ("meminterface completions bash > ~/.local/share/bash-completion/completions/meminterface", "For bash"),
            ("meminterface completions zsh > ~/.zfunc/_meminterface", "For zsh"),
            ("meminterface completions fish > ~/.config/fish/completions/meminterface.fish", "For fish"),
        ],
    ),
];

const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "done"),
    ("1", "a check failed (budget exceeded, validation failed)"),
    ("2", "bad usage or bad input; all other files are done"),
    ("3", "a bug of this tool"),
];

const ENVIRONMENT: &[(&str, &str)] = &[("NO_COLOR", "any value but the empty one: no colours")];

/// The examples of a verb, or of the whole command without one. `None` for a verb that has none.
pub fn examples(verb: Option<&str>) -> Option<&'static [Example]> {
    match verb {
        None => Some(COMMAND),
        Some(verb) => VERBS.iter().find(|(name, _)| *name == verb).map(|(_, examples)| *examples),
    }
}

/// Adds the examples to the help of the command and its verbs, and the exit codes to the command's own.
pub fn teach(command: Command) -> Command {
    let styles = command.get_styles().clone();
    let mut text = example_section(&styles, COMMAND);
    text.push_str("\n\n");
    text.push_str(&section(&styles, "Exit codes", EXIT_CODES));
    text.push_str("\n\n");
    text.push_str(&section(&styles, "Environment", ENVIRONMENT));
    let command = command.after_help(StyledStr::from(text));
    VERBS.iter().fold(command, |command, (name, examples)| {
        let text = StyledStr::from(example_section(&styles, examples));
        command.mut_subcommand(name, |verb| verb.after_help(text))
    })
}

fn header(styles: &Styles, title: &str) -> String {
    let style = styles.get_header();
    format!("{style}{title}:{style:#}")
}

/// Each example under a comment, so that a line can be copied whole however long it is.
fn example_section(styles: &Styles, examples: &[Example]) -> String {
    let mut text = header(styles, "Examples");
    for (line, comment) in examples {
        text.push_str(&format!("\n  # {comment}\n  {line}"));
    }
    text
}

fn section(styles: &Styles, title: &str, rows: &[(&str, &str)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = header(styles, title);
    for (name, meaning) in rows {
        text.push_str(&format!("\n  {name:width$}  {meaning}"));
    }
    text
}
