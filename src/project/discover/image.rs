//! Handlers of container images: the `CMD` of a Dockerfile, and where its `COPY` lines take the code from.

use std::path::{Path, PathBuf};

use super::paths;
use crate::project::source::read_text;

/// What a Dockerfile says of a Lambda function.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// The handler of `CMD ["app.handler"]`.
    pub handler: Option<String>,
    /// Folders of the build context that are copied into the image.
    pub folders: Vec<PathBuf>,
    /// The version of Python of the base image.
    pub runtime: Option<(u8, u8)>,
    /// Files of requirements that `pip install -r` names, where the build context has them.
    pub requirements: Vec<PathBuf>,
}

/// Reads a Dockerfile. `target` names the build stage, the last one otherwise; none when there is no such file.
pub fn read(file: &Path, context: &Path, target: Option<&str>) -> Option<Dockerfile> {
    Some(parse(&read_text(file).ok()?, context, target))
}

fn parse(text: &str, context: &Path, target: Option<&str>) -> Dockerfile {
    let mut found = Dockerfile::default();
    let mut is_over = false;
    let mut folders = vec![context.to_path_buf()];
    for line in logical_lines(text) {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        let rest = rest.trim();
        match word.to_ascii_uppercase().as_str() {
            "FROM" => {
                if is_over {
                    break;
                }
                // A stage starts anew, unless it builds on an earlier one.
                found.handler = found.handler.filter(|_| !rest.contains('/') && !rest.contains(':'));
                found.runtime = python_version(rest).or(found.runtime);
                let stage = rest.split_whitespace().last();
                is_over = target.is_some() && stage == target;
            }
            "COPY" | "ADD" => {
                let words: Vec<String> = arguments(rest).into_iter().filter(|word| !word.starts_with("--")).collect();
                if rest.contains("--from") {
                    continue;
                }
                for source in words.iter().rev().skip(1).rev() {
                    let source = source.trim_end_matches(['*', '/']).trim_end_matches("*.py").trim_start_matches('/');
                    let path = paths::join(context, source);
                    let folder = if path.is_dir() { path } else { paths::parent(&path) };
                    if folder.is_dir() && !folders.contains(&folder) {
                        folders.push(folder);
                    }
                }
            }
            "RUN" => {
                let words: Vec<&str> = rest.split([' ', '\t', ';', '&']).collect();
                for pair in words.windows(2) {
                    let [option, file] = pair else { continue };
                    // In the image it lies where a `COPY` put it; here under the same name.
                    let name = file.trim_matches(['"', '\'']).rsplit('/').next().unwrap_or_default();
                    let path = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
                    if let Some(path) = path
                        .filter(|path| matches!(*option, "-r" | "--requirement") && !found.requirements.contains(path))
                    {
                        found.requirements.push(path);
                    }
                }
            }
            "CMD" | "ENTRYPOINT" => {
                // `["python", "-m", "awslambdaric", "app.handler"]` or `["app.handler"]`: the last word with a dot.
                let words = arguments(rest);
                let word =
                    words.last().filter(|word| word.contains('.') && !word.ends_with(".py") && !word.ends_with(".sh"));
                if let Some(handler) = word.filter(|word| !word.contains("://") && *word != "awslambdaric") {
                    found.handler = Some(handler.clone());
                }
            }
            _ => {}
        }
    }
    found.folders = folders;
    found
}

fn python_version(image: &str) -> Option<(u8, u8)> {
    let after = image.split_once("python")?.1.trim_start_matches(':');
    let digits: String = after.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let (major, minor) = digits.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

/// Lines without comments, with continued lines joined.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with('#') || line.is_empty() && open.is_empty() {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(part) => {
                open.push_str(part);
                open.push(' ');
            }
            None => lines.push(std::mem::take(&mut open) + line),
        }
    }
    if !open.trim().is_empty() {
        lines.push(open);
    }
    lines
}

/// The words of an instruction, in its JSON form or its shell form.
fn arguments(text: &str) -> Vec<String> {
    if let Ok(words) = serde_json::from_str::<Vec<String>>(text) {
        return words;
    }
    text.trim_matches(['[', ']'])
        .split([' ', '\t', ','])
        .map(|word| word.trim_matches(['"', '\'']).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}
