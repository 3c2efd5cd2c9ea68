//! One Python file: its text, its lines, its syntax tree.
//!
//! Invariant: a [`Source`] exists only for a file whose nesting is bounded by [`MAX_DEPTH`], so that recursive
//! walks of its tree end within the stack that [`with_stack`] and the worker threads have.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ruff_python_ast::ModModule;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, ParseOptions, lexer};
use ruff_source_file::LineIndex;
use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::FxHashMap;

use crate::diagnostic::{Diagnostic, Kind, Span};

/// Largest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 8 << 20;

/// Largest record of this tool that is read, in bytes: a state of 10,000 functions has some 60 MB.
const MAX_RECORD_BYTES: u64 = 1 << 30;

/// Deepest nesting of brackets, blocks and operator chains. CPython's own compiler gives up at about three times
/// its recursion limit of 1,000 (`Python/symtable.c`, `COMPILER_STACK_FRAME_SCALE`, up to 3.11), and later.
pub const MAX_DEPTH: usize = 3_000;

/// Stack of a thread that walks syntax trees, in bytes. Address space, not memory: only what is touched counts.
/// A debug build takes under 100 KiB a level of nesting.
pub const STACK_BYTES: usize = 512 << 20;

/// Text of the files that [`Sources`] keeps parsed, in bytes. Their trees take ten to forty times as much.
const MAX_KEPT_BYTES: usize = 3 << 20;

/// The files of a run, so that what is parsed to find handlers is not parsed again to read them, and what several
/// handlers import is parsed once. Keeps as many as fit a bound; the others are read again.
#[derive(Debug, Default)]
pub struct Sources {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    files: FxHashMap<PathBuf, Arc<Source>>,
    bytes: usize,
}

impl Sources {
    /// The parsed file; read now unless it is kept.
    ///
    /// # Errors
    /// Those of [`Source::load`].
    pub fn load(&self, path: &Path) -> Result<Arc<Source>, Diagnostic> {
        if let Some(source) = self.kept().files.get(path) {
            return Ok(Arc::clone(source));
        }
        let source = Arc::new(Source::load(path)?);
        self.keep(&source);
        Ok(source)
    }

    /// Keeps a file for [`Sources::load`], if there is room.
    pub fn keep(&self, source: &Arc<Source>) {
        let mut kept = self.kept();
        let bytes = kept.bytes + source.text.len();
        if bytes <= MAX_KEPT_BYTES && kept.files.insert(source.path.clone(), Arc::clone(source)).is_none() {
            kept.bytes = bytes;
        }
    }

    /// Lets go of a file that is not needed again, and makes room.
    pub fn forget(&self, path: &Path) {
        let mut kept = self.kept();
        if let Some(source) = kept.files.remove(path) {
            kept.bytes = kept.bytes.saturating_sub(source.text.len());
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it holds the lock, and what is kept is whole at every point.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A parsed Python file.
#[derive(Debug)]
pub struct Source {
    /// The file as the user named it (for messages and generated files: never made absolute).
    pub path: PathBuf,
    /// The text, without a byte order mark.
    pub text: String,
    /// The syntax tree.
    pub ast: ModModule,
    index: LineIndex,
}

impl Source {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// `cannot-read`, `file-too-large`, `undecodable`, and those of [`Source::parse`].
    pub fn load(path: &Path) -> Result<Self, Diagnostic> {
        Self::parse(path, read_text(path)?)
    }

    /// Parses a text that stands for the file `path`.
    ///
    /// # Errors
    /// `too-deep`, `syntax-error` or `python2`, with the place.
    pub fn parse(path: &Path, text: impl Into<String>) -> Result<Self, Diagnostic> {
        let text: String = text.into();
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let index = LineIndex::from_source_text(&text);
        if let Some(offset) = too_deep_at(&text) {
            return Err(place(
                path,
                &text,
                &index,
                TextRange::empty(offset),
                Diagnostic::new(Kind::TooDeep, format!("nested more than {MAX_DEPTH} levels deep"))
                    .help("CPython cannot compile this either; move the data into a file that the handler loads"),
            ));
        }
        let parsed = ruff_python_parser::parse_unchecked(&text, ParseOptions::from(Mode::Module));
        if let Some(error) = parsed.errors().first() {
            let range = error.location;
            let line = line_text(&text, &index, range.start());
            let diagnostic = if is_python2(&line) {
                Diagnostic::new(Kind::Python2, "this is Python 2")
                    .help("convert the file to Python 3 (for example with `2to3 -w`), then run the tool again")
            } else {
                Diagnostic::new(Kind::SyntaxError, error.error.to_string())
                    .help("the file must be valid Python 3.8 to 3.14")
            };
            return Err(place(path, &text, &index, range, diagnostic));
        }
        let ruff_python_ast::Mod::Module(ast) = parsed.into_syntax() else {
            return Err(Diagnostic::new(Kind::SyntaxError, "not a module").in_file(path));
        };
        Ok(Self { path: path.to_path_buf(), text, ast, index })
    }

    /// The line of an offset, counted from 1.
    pub fn line(&self, offset: TextSize) -> u32 {
        u32::try_from(self.index.line_index(offset).get()).unwrap_or(u32::MAX)
    }

    /// The line that a node starts in, counted from 1.
    pub fn line_of(&self, node: &impl Ranged) -> u32 {
        self.line(node.start())
    }

    /// The place of a range.
    pub fn span(&self, range: TextRange) -> Span {
        span(&self.text, &self.index, range)
    }

    /// The text of a node, as written.
    pub fn slice(&self, node: &impl Ranged) -> &str {
        &self.text[node.range()]
    }

    /// Places a diagnostic at a range of this file, with the source line as excerpt.
    pub fn diagnostic(&self, range: TextRange, diagnostic: Diagnostic) -> Diagnostic {
        place(&self.path, &self.text, &self.index, range, diagnostic)
    }
}

/// Runs `work` on a thread whose stack carries any tree that [`Source`] admits. A panic goes on to the caller.
pub fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        match thread.map(|handle| handle.join()) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => panic!("cannot start a thread: {error}"),
        }
    })
}

/// Reads a text file in the encoding that it declares (PEP 263), UTF-8 otherwise.
///
/// # Errors
/// `cannot-read`, `file-too-large`, `undecodable`.
pub fn read_text(path: &Path) -> Result<String, Diagnostic> {
    read_text_up_to(path, MAX_FILE_BYTES)
}

/// Reads a record that this tool wrote (a state, a measurement, a listing): of a project of any size.
///
/// # Errors
/// `cannot-read`, `file-too-large`, `undecodable`.
pub fn read_record(path: &Path) -> Result<String, Diagnostic> {
    read_text_up_to(path, MAX_RECORD_BYTES)
}

fn read_text_up_to(path: &Path, most: u64) -> Result<String, Diagnostic> {
    let unreadable = |error: &std::io::Error| {
        Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}"))
            .in_file(path)
            .help("check the path and its permissions")
    };
    let mut file = fs_err::File::open(path).map_err(|error| unreadable(&error))?;
    let size = file.metadata().map_err(|error| unreadable(&error))?.len();
    if size > most {
        return Err(Diagnostic::new(
            Kind::FileTooLarge,
            format!("{size} bytes: larger than the {most} bytes that are read"),
        )
        .in_file(path)
        .help("move generated data out of the module, into a file that the handler loads"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    // A file that is no file of the disk tells no size, and may never end.
    (&mut file).take(most).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            if let Some(text) = decode_declared(&bytes) {
                return Ok(text);
            }
            let line = bytes[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
            let line_start = bytes[..valid].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let column = String::from_utf8_lossy(&bytes[line_start..valid]).chars().count() + 1;
            let at = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            Err(Diagnostic::new(Kind::Undecodable, format!("byte 0x{:02x} is not valid UTF-8", bytes[valid]))
                .in_file(path)
                .at(Span::point(at(line), at(column)))
                .help(
                    "save the file as UTF-8, or declare its encoding in the first line (`# -*- coding: latin-1 -*-`)",
                ))
        }
    }
}

/// Decodes by the encoding that one of the first two lines declares.
fn decode_declared(bytes: &[u8]) -> Option<String> {
    let label = bytes.split(|byte| *byte == b'\n').take(2).find_map(|line| {
        let line = String::from_utf8_lossy(line);
        let comment = line.trim_start().strip_prefix('#')?.to_owned();
        let after = comment.split_once("coding")?.1.strip_prefix([':', '='])?.trim_start().to_owned();
        let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(after.len());
        Some(after[..end].to_owned())
    })?;
    let encoding = encoding_rs::Encoding::for_label(label.replace('_', "-").as_bytes())?;
    let (text, _, failed) = encoding.decode(bytes);
    (!failed).then(|| text.into_owned())
}

/// The place where nesting passes [`MAX_DEPTH`]: the end of the shortest beginning of the text that does.
/// (The lexer tells kinds but no places; a longer beginning is never less deep, so bisection finds it.)
fn too_deep_at(text: &str) -> Option<TextSize> {
    if most_depth(text) <= MAX_DEPTH || !is_too_deep(text) {
        return None;
    }
    let (mut shallow, mut deep) = (0, text.len());
    while deep - shallow > 1 {
        let middle = text.floor_char_boundary(shallow + (deep - shallow) / 2);
        if middle == shallow {
            break;
        }
        if is_too_deep(&text[..middle]) { deep = middle } else { shallow = middle }
    }
    TextSize::try_from(shallow).ok()
}

/// A bound of what [`is_too_deep`] counts, from bytes alone: every operator, bracket and keyword of the text and every
/// line (it may open a block), as if none of them ended. Most files stay below the limit, and are not lexed for it.
fn most_depth(text: &str) -> usize {
    // A tree cannot be deeper than its text is long.
    if text.len() < MAX_DEPTH {
        return text.len();
    }
    let mut depth = 0usize;
    let mut in_word = false;
    for byte in text.bytes() {
        let word = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        depth += match byte {
            // Two levels: one of what stands before it, one of its own.
            b'(' | b'[' | b'{' | b'\n' | b'\r' => 2,
            b' ' | b'\t' | b'#' | b'"' | b'\'' | b'\\' => 0,
            // A keyword may stand right after a number: `1if x`.
            _ if word => usize::from(!in_word),
            _ => 1,
        };
        in_word = word;
    }
    depth
}

/// Whether nesting passes [`MAX_DEPTH`] anywhere.
///
/// The depth of a tree is estimated from its tokens, from above: each open bracket or block is a level, and so is
/// each operator, attribute, call or keyword of an expression up to the next comma, colon or line.
fn is_too_deep(text: &str) -> bool {
    let mut lexer = lexer::lex(text, Mode::Module);
    // Chain lengths, one an open bracket or block; the last is the innermost.
    let mut chains: Vec<usize> = vec![0];
    let mut total = 0usize;
    while total <= MAX_DEPTH {
        match lexer.next_token() {
            TokenKind::EndOfFile => return false,
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace | TokenKind::Indent => {
                // The bracket is a level of what stands before it (a call, a subscript), and opens one of its own.
                if let Some(last) = chains.last_mut() {
                    *last += 1;
                }
                chains.push(1);
                total += 2;
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace | TokenKind::Dedent => {
                // One that opens nothing changes nothing.
                total -= if chains.len() > 1 { chains.pop().unwrap_or(0) } else { 0 };
            }
            TokenKind::Comma | TokenKind::Newline | TokenKind::Semi => {
                if let Some(last) = chains.last_mut() {
                    total -= *last;
                    *last = 0;
                }
            }
            kind if kind.is_operator() || kind.is_keyword() => {
                if let Some(last) = chains.last_mut() {
                    *last += 1;
                    total += 1;
                }
            }
            _ => {}
        }
    }
    true
}

/// Whether a line that does not parse is a form that only Python 2 had.
fn is_python2(line: &str) -> bool {
    let line = line.trim();
    let word = |keyword: &str| {
        line.strip_prefix(keyword).is_some_and(|rest| {
            rest.starts_with([' ', '"', '\''])
                && !rest.trim_start().starts_with(['(', '=', '.', ',', ')', '['])
                && !rest.trim().is_empty()
        })
    };
    word("print")
        || word("exec")
        || (line.starts_with("print") && line.contains(">>"))
        || (line.starts_with("except ") && line.contains(',') && line.ends_with(':') && !line.contains('('))
        || (line.starts_with("raise ") && line.contains(", ") && !line.contains('('))
        || line.contains("<>")
        || (line.contains("ur\"") || line.contains("ur'"))
        || line.contains('`')
}

fn line_text(text: &str, index: &LineIndex, offset: TextSize) -> String {
    let line = index.line_index(offset);
    text[index.line_range(line, text)].trim_end_matches(['\n', '\r']).to_owned()
}

fn span(text: &str, index: &LineIndex, range: TextRange) -> Span {
    let end_of_text = TextSize::of(text);
    let start = index.line_column(range.start().min(end_of_text), text);
    let end = index.line_column(range.end().min(end_of_text), text);
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span {
        line: number(start.line.get()),
        column: number(start.column.get()),
        end_line: number(end.line.get()),
        end_column: number(end.column.get()),
    }
}

fn place(path: &Path, text: &str, index: &LineIndex, range: TextRange, diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.in_file(path).at(span(text, index, range)).excerpt(line_text(
        text,
        index,
        range.start().min(TextSize::of(text)),
    ))
}
