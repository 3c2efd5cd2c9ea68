//! Callables of the standard library whose results follow from the content of texts, files and containers: JSON, CSV,
//! texts and bytes in memory, files, compression, binary records, patterns, threads.
//!
//! What a callable takes whatever it is given is a contract (`interfaces/python.toml`), not a row here.

use std::collections::BTreeSet;
use std::rc::Rc;

use ruff_text_size::Ranged;

use crate::expression::{Text, Value as Plain};

use super::amount::{Amount, Bytes};
use super::calls::Arguments;
use super::cpython::Version;
use super::loops::Place;
use super::machine::{Each, Flow, MAX_CONTENT, Machine};
use super::tasks::{largest_first, together};
use super::texts::Marks;
use super::unknown::UnknownKind;
use super::value::{Adapter, Entry, Growth, Kind, Number, NumberKind, Object, ObjectId, Source, Value, hash_of, holds};

/// How many pieces are put together at a time: `Objects/accu.c` of CPython 3.11 (`_PyAccu_Accumulate`).
const PIECES_AT_ONCE: i128 = 100_000;
/// Bytes of a text of ASCII without its characters: `PyASCIIObject` and the null at the end.
const TEXT_HEADER: i128 = 49;
/// The same, and the slot of a list that holds the text.
const PIECE: i128 = TEXT_HEADER + 8;
/// The state of a deflate stream: `deflateInit2` of zlib 1.2 asks for `(1 << 17) + (1 << 17)` bytes and some.
const DEFLATE_STATE: i128 = 268_000;
/// A buffered text file: the buffer of `Lib/io.py` (`DEFAULT_BUFFER_SIZE`, 8192), its decoded chunk, and three objects.
const TEXT_FILE: i128 = 8192 + 8192 + 600;
/// A buffered binary file.
const BINARY_FILE: i128 = 8192 + 400;

/// The size of a value as JSON.
#[derive(Clone, Debug)]
struct Json {
    /// Characters.
    length: Amount,
    /// Pieces that the encoder puts together.
    pieces: Amount,
    /// Those of them that are new texts.
    texts: Amount,
    /// Characters of those.
    characters: Amount,
    /// Pairs of the dicts that are gone over at a time.
    pairs: Amount,
}

impl Json {
    fn scalar(length: Amount, new: bool) -> Self {
        let (texts, characters) = if new { (Amount::ONE, length.clone()) } else { (Amount::ZERO, Amount::ZERO) };
        Self { length, pieces: Amount::ONE, texts, characters, pairs: Amount::ZERO }
    }

    /// The braces of a container with so many items.
    fn container(pairs: Amount) -> Self {
        let (length, pieces) = (Amount::Int(2), Amount::Int(2));
        Self { length, pieces, texts: Amount::ZERO, characters: Amount::ZERO, pairs }
    }

    /// A container gets an item, or the name of one.
    fn add(&mut self, own: &Amount, other: &Self) {
        self.length += other.length.clone();
        self.pieces += other.pieces.clone();
        self.texts += other.texts.clone();
        self.characters += other.characters.clone();
        self.pairs = self.pairs.max(&(own + &other.pairs));
    }

    /// The name of an item, where it is the text of a key.
    fn named(mut self, is_text: bool, style: &Style) -> Self {
        if !is_text {
            self.length += Amount::Int(2);
            self.characters += Amount::Int(2);
        }
        self.length += Amount::Int(style.key);
        self.pieces += Amount::ONE;
        self
    }

    fn times(&self, count: &Amount) -> Self {
        let [length, pieces, texts, characters] =
            [&self.length, &self.pieces, &self.texts, &self.characters].map(|amount| amount * count);
        Self { length, pieces, texts, characters, pairs: self.pairs.clone() }
    }

    /// Whether it is no container.
    fn is_scalar(&self) -> bool {
        self.pieces == Amount::ONE
    }

    /// What stands between so many items of a container; so many of a list's are no containers.
    fn space(&mut self, count: &Amount, scalars: Option<&Amount>, style: &Style, level: i128) {
        let gaps = (count - &Amount::ONE).at_least_zero();
        self.length += &gaps * &Amount::Int(style.item);
        let Some(columns) = style.indent else {
            self.pieces += gaps;
            return;
        };
        let (line, last) = (Amount::Int(1 + columns * (level + 1)), Amount::Int(1 + columns * level));
        self.length += count * &line + last.clone();
        self.texts += Amount::ONE;
        self.characters += last;
        match scalars {
            // The encoder in Python puts what stands before an item of a list into one text with it.
            Some(scalars) => {
                let others = (count - scalars).at_least_zero();
                // Before the first of the others, and before each of the rest of them.
                let texts = others.min(&Amount::Int(2));
                self.characters += &(scalars + &texts) * &(&line + &Amount::Int(style.item));
                self.texts += texts;
                self.pieces += others;
            }
            None => {
                // Before the first item, and before each of the rest of them.
                let texts = count.min(&Amount::Int(2));
                self.characters += &texts * &(&line + &Amount::Int(style.item));
                self.texts += texts;
                self.pieces += gaps + Amount::Int(2);
            }
        }
    }
}

/// How JSON is written.
struct Style {
    item: i128,
    key: i128,
    /// Columns a level, if it is written on many lines.
    indent: Option<i128>,
    ascii: bool,
}

/// Calls of a pool's `map` that are run one by one.
const MOST_CALLS: usize = 64;

impl<'p> Machine<'p> {
    /// Calls something of the standard library that this module knows.
    pub(super) fn standard(
        &mut self,
        name: &str,
        receiver: Option<&Value>,
        arguments: &Arguments,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        let first = arguments.positional.first().cloned();
        if let Some(receiver) = receiver {
            return self.standard_method(name, receiver, arguments, node);
        }
        Ok(Some(match (name, first) {
            ("json.dumps", Some(value)) => self.json_dumps(&value, arguments, node),
            ("json.dump", Some(value)) => {
                let style = self.json_style(arguments);
                let size = self.json_size(&value, &style, 0, 0, node);
                if let Some(file) = arguments.get(1, "fp").cloned() {
                    self.write_to(&file, &size.length, Some(Marks::none()), 1);
                    self.keep_template(&file, &value);
                }
                Value::NONE
            }
            ("json.loads", Some(text)) => self.json_loads(&text, node),
            ("json.load", Some(file)) => self.json_load(&file, node),
            ("html.escape" | "xml.sax.saxutils.escape", Some(text)) => self.html_escape(&text, node),
            ("io.StringIO", text) => self.string_io(text.or_else(|| arguments.keyword("initial_value").cloned()), node),
            ("io.BytesIO", data) => self.bytes_io(data.or_else(|| arguments.keyword("initial_bytes").cloned()), node),
            ("open" | "io.open" | "codecs.open" | "gzip.open" | "bz2.open" | "lzma.open", Some(path)) => {
                let mode = arguments.get(1, "mode").and_then(|mode| self.plain(mode));
                let mode = match &mode {
                    Some(Plain::Str(mode)) => mode.to_string(),
                    _ if name.ends_with("io.open") || name == "open" || name == "codecs.open" => "r".to_owned(),
                    _ => "rb".to_owned(),
                };
                self.open_file(&path, &mode, node)
            }
            ("tempfile.gettempdir", _) => Value::text("/tmp"),
            ("tempfile.mkdtemp", _) => Value::text("/tmp/tmpdir"),
            ("tempfile.TemporaryFile" | "tempfile.NamedTemporaryFile" | "tempfile.SpooledTemporaryFile", mode) => {
                let mode = arguments.keyword("mode").cloned().or(mode).and_then(|mode| self.plain(&mode));
                let binary = !matches!(&mode, Some(Plain::Str(mode)) if !mode.contains('b'));
                let path = Value::text(&format!("/tmp/tmp{}", self.line(node)));
                self.open_file(&path, if binary { "w+b" } else { "w+" }, node)
            }
            ("os.path.getsize", Some(path)) => {
                let content = self.path_of(&path).and_then(|path| self.written_file(&path));
                let length = content.and_then(|id| self.state.object(id)?.length.clone());
                match length {
                    Some(length) => Value::int(length),
                    None => return Ok(None),
                }
            }
            ("csv.writer", Some(file)) => self.csv_object("csv.writer", &file, None, arguments, node),
            ("csv.DictWriter", Some(file)) => {
                let names = arguments.get(1, "fieldnames").cloned();
                self.csv_object("csv.DictWriter", &file, names, arguments, node)
            }
            ("csv.reader", Some(lines)) => self.csv_reader(&lines, false, None, node),
            ("csv.DictReader", Some(lines)) => {
                let names = arguments.get(1, "fieldnames").cloned();
                self.csv_reader(&lines, true, names, node)
            }
            ("zlib.compress" | "gzip.compress" | "bz2.compress" | "lzma.compress", Some(data)) => {
                self.compress(name, &data, node)
            }
            ("zlib.decompress" | "gzip.decompress" | "bz2.decompress" | "lzma.decompress", Some(data)) => {
                self.decompress(name, &data, node)
            }
            ("gzip.GzipFile" | "bz2.BZ2File" | "lzma.LZMAFile", first) => {
                let target = arguments.keyword("fileobj").cloned().or_else(|| arguments.positional.get(3).cloned());
                let mode = arguments.get(1, "mode").and_then(|mode| self.plain(mode));
                let writing = matches!(&mode, Some(Plain::Str(mode)) if mode.starts_with(['w', 'a', 'x']));
                match target.or(first) {
                    Some(target) if writing => {
                        let state = Bytes::touched(Amount::Int(DEFLATE_STATE));
                        let mut object = Object::new(Kind::Named(Text::from("io.Compressor")), state);
                        object.base.extend(target.object());
                        self.allocate(object, node)
                    }
                    Some(target) => match self.stream_of(&target) {
                        Some(content) => {
                            let file = self.file_over(content, true, true, node);
                            let length =
                                self.state.object(content).and_then(|object| object.features.get("<content>").cloned());
                            if let (Value::Object(id), Some(length)) = (&file, length) {
                                self.state.note(*id, |object| {
                                    object.features.insert(Text::from("<whole>"), length);
                                });
                            }
                            file
                        }
                        None => self.open_file(&target, "rb", node),
                    },
                    None => return Ok(None),
                }
            }
            ("struct.calcsize", Some(format)) => match self.record(&format) {
                Some((size, _)) => Value::int(Amount::from(size)),
                None => Value::number(NumberKind::Int),
            },
            ("struct.Struct", Some(format)) => {
                let mut object = Object::new(Kind::Named(Text::from("struct.Struct")), super::sizes::object(200));
                if let Some((size, _)) = self.record(&format) {
                    object.features.insert(Text::from("size"), Amount::from(size));
                }
                object.fields.insert(Text::from("<format>"), format);
                self.allocate(object, node)
            }
            (
                "struct.pack" | "struct.unpack" | "struct.unpack_from" | "struct.iter_unpack" | "struct.pack_into",
                Some(format),
            ) => {
                let data = arguments.positional.get(1).cloned();
                self.records(name, &format, data, node)
            }
            (_, _) if name.starts_with("random.") => {
                let function = name.strip_prefix("random.").unwrap_or(name).to_owned();
                return self.random_call(None, &function, arguments, node);
            }
            ("re.compile", Some(pattern)) => {
                let mut object = Object::new(Kind::Named(Text::from("re.Pattern")), super::sizes::object(1000));
                object.fields.insert(Text::from("<pattern>"), pattern);
                if arguments.get(1, "flags").is_some() {
                    object.features.insert(Text::from("<flags>"), Amount::ONE);
                }
                self.allocate(object, node)
            }
            (super::patterns::MATCH, Some(found)) => return Ok(self.match_of_pair(&found, node)),
            (_, Some(pattern)) if name.starts_with("re.") => {
                let method = name.strip_prefix("re.").unwrap_or(name).to_owned();
                let rest = arguments.positional.get(1..).unwrap_or_default().to_vec();
                return self.match_pattern(&method, &pattern, &rest, arguments.keywords.is_empty(), node);
            }
            ("threading.Thread" | "multiprocessing.Process", _) => {
                let kind = Kind::Named(Text::from("threading.Thread"));
                // A thread's own objects; its stack is the system's, and touched by a few pages.
                let mut object =
                    Object::new(kind, Bytes { requested: Amount::Int(1500), resident: Amount::Int(24_000) });
                if name == "multiprocessing.Process" {
                    object.features.insert(Text::from("<processes>"), Amount::ONE);
                }
                for key in ["target", "args", "kwargs"] {
                    if let Some(value) = arguments.keyword(key) {
                        object.fields.insert(Text::from(key), value.clone());
                    }
                }
                self.allocate(object, node)
            }
            (
                "concurrent.futures.ThreadPoolExecutor"
                | "concurrent.futures.ProcessPoolExecutor"
                | "multiprocessing.Pool"
                | "multiprocessing.dummy.Pool"
                | "multiprocessing.pool.ThreadPool",
                _,
            ) => self.pool(name, arguments, node),
            ("concurrent.futures.as_completed", Some(futures)) => self.adapter(Adapter::Same, vec![futures], node),
            ("concurrent.futures.wait", Some(futures)) => self.tuple_of(vec![futures.clone(), futures], node),
            ("shutil.copyfileobj", Some(from)) => {
                // `COPY_BUFSIZE` of Lib/shutil.py: 64 KiB.
                self.state.transient(&Bytes::touched(Amount::Int(65_536 + 33)));
                if let (Some(content), Some(to)) = (self.stream_of(&from), arguments.get(1, "fdst").cloned()) {
                    let length =
                        self.state.object(content).and_then(|object| object.length.clone()).unwrap_or(Amount::ZERO);
                    self.write_to(&to, &length, None, 1);
                }
                Value::NONE
            }
            _ => return Ok(None),
        }))
    }

    fn standard_method(
        &mut self,
        name: &str,
        receiver: &Value,
        arguments: &Arguments,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        let Some((kind, method)) = name.rsplit_once('.') else { return Ok(None) };
        let first = arguments.positional.first().cloned();
        Ok(Some(match kind {
            "io.StringIO" | "io.BytesIO" | "io.TextFile" | "io.BinaryFile" | "io.Compressor" => {
                return self.stream_method(kind, method, receiver, first, node);
            }
            "csv.writer" | "csv.DictWriter" => match (method, first) {
                ("writerow", Some(row)) => {
                    self.csv_row(receiver, &row, node);
                    Value::number(NumberKind::Int)
                }
                ("writerows", Some(rows)) => {
                    let place = Place::of(node);
                    let writer = receiver.clone();
                    let each: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, row: Value| {
                        machine.steps += 1;
                        machine.csv_row(&writer, &row, &place);
                        machine.state.settle(&row);
                        Flow::Next
                    });
                    self.for_each(&rows, place, &each)?;
                    Value::NONE
                }
                ("writeheader", _) => {
                    let names = self.state.object_of(receiver).and_then(|object| object.fields.get("<names>").cloned());
                    if let Some(names) = names {
                        self.csv_row(receiver, &names, node);
                    }
                    Value::number(NumberKind::Int)
                }
                _ => return Ok(None),
            },
            "struct.Struct" => {
                let format = self.state.object_of(receiver).and_then(|object| object.fields.get("<format>").cloned());
                match format {
                    Some(format) => self.records(method, &format, first, node),
                    None => return Ok(None),
                }
            }
            "random.Random" => match holds(receiver) {
                Some(id) => return self.random_call(Some(id), method, arguments, node),
                None => return Ok(None),
            },
            "re.Pattern" => {
                let is_plain = arguments.keywords.is_empty();
                return self.match_pattern(method, receiver, &arguments.positional, is_plain, node);
            }
            "re.Match" => self.of_match(method, receiver, arguments, node),
            super::complexes::COMPLEX => {
                match self.complex_function(&format!("complex.{method}"), std::slice::from_ref(receiver), node) {
                    Some(value) => value,
                    None => return Ok(None),
                }
            }
            "threading.Thread" => match method {
                "start" | "run" => {
                    let fields = self.state.object_of(receiver).map(|object| object.fields.clone()).unwrap_or_default();
                    let Some(target) = fields.get("target").cloned() else { return Ok(Some(Value::NONE)) };
                    let positional = fields.get("args").and_then(|args| self.items_apart(args)).unwrap_or_default();
                    let is_process = self
                        .state
                        .object_of(receiver)
                        .is_some_and(|object| object.features.contains_key("<processes>"));
                    // Those that were started before and not joined run beside it.
                    let others = together(&self.threads, self.threads.len());
                    let (value, beside) =
                        self.apart(|machine| machine.call_value(&target, Arguments::positional(positional), node));
                    self.state.settle(&value?);
                    self.state.peak_with(&(&others + &beside));
                    if method == "start" {
                        if is_process {
                            self.child_processes(&target, &Amount::ONE, &beside, node);
                        } else {
                            self.assume("threads run at once from `start` until one of them is joined");
                        }
                        self.threads.push(beside);
                    }
                    Value::NONE
                }
                "join" => {
                    self.threads.pop();
                    Value::NONE
                }
                "is_alive" => Value::number(NumberKind::Bool),
                _ => Value::NONE,
            },
            "concurrent.futures.Executor" => return self.pool_method(method, receiver, arguments, node),
            "concurrent.futures.Future" => match method {
                "result" | "get" => {
                    let result =
                        self.state.object_of(receiver).and_then(|object| object.fields.get("<result>").cloned());
                    result.unwrap_or(Value::NONE)
                }
                "done" | "running" | "cancelled" | "cancel" => Value::number(NumberKind::Bool),
                _ => Value::NONE,
            },
            _ => return self.asyncio_method(kind, method, receiver, arguments, node),
        }))
    }

    // ---- JSON -----------------------------------------------------------------------------------------------------------

    fn json_style(&self, arguments: &Arguments) -> Style {
        let plain = |name: &str| arguments.keyword(name).and_then(|value| self.plain(value));
        let indent = match plain("indent") {
            Some(Plain::Int(columns)) => i128::try_from(&columns).ok(),
            Some(Plain::Str(text)) => i128::try_from(text.chars().count()).ok(),
            _ => None,
        };
        let (mut item, mut key) = (if indent.is_some() { 1 } else { 2 }, 2);
        if let Some(Plain::Tuple(parts) | Plain::List(parts)) = plain("separators")
            && let [Plain::Str(first), Plain::Str(second)] = parts.as_slice()
        {
            item = i128::try_from(first.chars().count()).unwrap_or(1);
            key = i128::try_from(second.chars().count()).unwrap_or(1);
        }
        Style { item, key, indent, ascii: plain("ensure_ascii").is_none_or(|value| value.is_true()) }
    }

    /// `json.dumps(value)`. Source: `Lib/json/encoder.py` and `Modules/_json.c`: up to 3.11 (with `indent`: 3.12) the pieces
    /// are kept in a list until there are 100,000 of them, and all are joined at the end, and the items of a dict are
    /// listed; later on all goes to one buffer that grows by a quarter.
    fn json_dumps(&mut self, value: &Value, arguments: &Arguments, node: &impl Ranged) -> Value {
        let style = self.json_style(arguments);
        let size = self.json_size(value, &style, 0, 0, node);
        let length = size.length.clone();
        let with_buffer = if style.indent.is_some() { Version::Py313 } else { Version::Py312 };
        let room = if self.options.version >= with_buffer {
            let spare = length.floor_div(&Amount::Int(8)).unwrap_or(Amount::ZERO);
            Bytes { requested: &length + &spare, resident: length.clone() }
        } else {
            let texts = &(&size.texts * &Amount::Int(TEXT_HEADER)) + &size.characters;
            let pieces = self.sizes.list_grown(&size.pieces).requested + texts;
            Bytes::touched(match style.indent {
                // The encoder in Python: a list of all of them.
                Some(_) => pieces + length.clone(),
                None => {
                    let pieces = match (&pieces, &size.pieces) {
                        (Amount::Int(bytes), Amount::Int(count)) if *count > PIECES_AT_ONCE => {
                            Amount::Int(bytes / count * PIECES_AT_ONCE)
                        }
                        (_, Amount::Int(_)) => pieces,
                        _ => pieces.min(&Amount::Int(PIECES_AT_ONCE * (PIECE + 8))),
                    };
                    // When they are joined, the dicts are done.
                    let pair = self.sizes.tuple(&Amount::Int(2)).requested + Amount::Int(8);
                    (pieces + (&size.pairs * &pair).max(&length)).max(&(&length + &length))
                }
            })
        };
        self.state.transient(&room);
        self.state.demand -= length.clone();
        let width = if style.ascii { 1 } else { self.width_in(value, 0) };
        let text = self.new_str(width, length, node);
        self.keep_template(&text, value);
        text
    }

    fn width_in(&self, value: &Value, depth: usize) -> u8 {
        let own = self.width(value);
        match value {
            Value::Object(id) if depth < 6 => {
                let Some(object) = self.state.object(*id) else { return own };
                let rest = object.rest.iter().flat_map(|rest| rest.key.iter().chain(&rest.value));
                let entries = object.entries.iter().flat_map(|entry| entry.key.iter().chain([&entry.value]));
                entries.chain(rest).map(|value| self.width_in(value, depth + 1)).max().unwrap_or(own).max(own)
            }
            _ => own,
        }
    }

    fn json_size(&mut self, value: &Value, style: &Style, level: i128, depth: usize, node: &impl Ranged) -> Json {
        match value {
            Value::Plain(plain) => json_of(plain, style, level),
            Value::Float(float) | Value::Number(Number { float: Some(float), .. }) => {
                json_of(&Plain::Float(*float), style, level)
            }
            Value::Number(_) | Value::Input(_) | Value::Unknown(_) | Value::Code(_) => {
                Json::scalar(self.text_length(value, node), true)
            }
            Value::Object(id) => {
                let Some(object) = self.state.object(*id).cloned() else { return Json::scalar(Amount::Int(4), false) };
                if let Some(known) = &object.known {
                    return json_of(known, style, level);
                }
                if depth > 16 {
                    return Json::scalar(Amount::Int(16), true);
                }
                match object.kind {
                    Kind::Str { width } => {
                        let length = object.length.clone().unwrap_or(Amount::ZERO);
                        let length = match self.marks(value) {
                            Some(marks) => length + marks.json,
                            None if width > 1 && style.ascii => length * Amount::Int(6),
                            None => length,
                        };
                        Json::scalar(length + Amount::Int(2), true)
                    }
                    Kind::List | Kind::Tuple | Kind::Dict | Kind::Set | Kind::Deque | Kind::Iterator => {
                        let dict = object.kind == Kind::Dict;
                        let own = if dict { object.length.clone().unwrap_or(Amount::ZERO) } else { Amount::ZERO };
                        let mut total = Json::container(own.clone());
                        let (mut count, mut scalars) = (Amount::ZERO, Amount::ZERO);
                        for entry in &object.entries {
                            if let (true, Some(key)) = (dict, &entry.key) {
                                total.add(&own, &self.json_key(key, style, node));
                            }
                            let item = self.json_size(&entry.value, style, level + 1, depth + 1, node);
                            total.add(&own, &item);
                            count += Amount::ONE;
                            scalars += Amount::from(usize::from(item.is_scalar()));
                        }
                        if let Some(rest) = &object.rest
                            && !rest.count.is_zero()
                        {
                            let mut each = match &rest.value {
                                Some(item) => self.json_size(item, style, level + 1, depth + 1, node),
                                None => Json::scalar(Amount::Int(8), true),
                            };
                            if dict {
                                let key = match &rest.key {
                                    Some(key) => self.json_key(key, style, node),
                                    None => Json::scalar(Amount::Int(10), true),
                                };
                                each.add(&Amount::ZERO, &key);
                            }
                            if each.is_scalar() {
                                scalars += rest.count.clone();
                            }
                            total.add(&own, &each.times(&rest.count));
                            count += rest.count.clone();
                        }
                        total.space(&count, (!dict).then_some(&scalars), style, level);
                        total
                    }
                    // What `default=` makes of it is a text as long as a date or a number.
                    _ => Json::scalar(Amount::Int(28), true),
                }
            }
        }
    }

    fn json_key(&mut self, key: &Value, style: &Style, node: &impl Ranged) -> Json {
        let is_text = self.type_name(key).as_deref() == Some("str");
        self.json_size(key, style, 0, 1, node).named(is_text, style)
    }

    /// `json.loads(text)`: what is in the text, each key once. Source: CPython 3.11 `Modules/_json.c` (the memo of keys).
    fn json_loads(&mut self, text: &Value, node: &impl Ranged) -> Value {
        let length = self.length(text, node).unwrap_or(Amount::ZERO);
        if matches!(self.type_name(text).as_deref(), Some("bytes" | "bytearray")) {
            self.state.transient(&Bytes::touched(&length + &Amount::Int(TEXT_HEADER)));
        }
        let known = match self.plain(text) {
            Some(Plain::Str(text)) => serde_json::from_str::<serde_json::Value>(&text).ok(),
            Some(Plain::Bytes(bytes)) => serde_json::from_slice::<serde_json::Value>(&bytes).ok(),
            _ => None,
        };
        if let Some(json) = known {
            let plain = Plain::from_json(&json);
            return self.json_value(plain, true, node);
        }
        self.like_template(text, &length, node)
    }

    /// `json.load(file)`: the text of the file is there while it is read.
    fn json_load(&mut self, file: &Value, node: &impl Ranged) -> Value {
        let Some(content) = self.stream_of(file) else {
            let length =
                self.quantity(node, "json_size", UnknownKind::Size, "how long the text is, is not known", None);
            return self.like_template(file, &length, node);
        };
        self.know_text(content);
        let length = self.state.object(content).and_then(|object| object.length.clone()).unwrap_or(Amount::ZERO);
        let known = self.state.object(content).and_then(|object| object.fields.get("<text>").cloned());
        // The bytes and the text of the file while it is decoded; the text while it is parsed.
        self.state.transient(&Bytes::touched(&length * &Amount::Int(2)));
        match known {
            Some(text) => self.json_loads(&text, node),
            None => self.like_template(&Value::Object(content), &length, node),
        }
    }

    fn like_template(&mut self, text: &Value, length: &Amount, node: &impl Ranged) -> Value {
        let template = self
            .state
            .object_of(text)
            .and_then(|object| Some((object.fields.get("<item>").cloned()?, object.features.get("<items>").cloned())));
        match template {
            Some((Value::Plain(item), Some(count))) => {
                let item = self.json_value(item, false, node);
                let list = self.many(Kind::List, count, item, node);
                self.appended(list)
            }
            Some((Value::Plain(whole), None)) => self.json_value(whole, true, node),
            _ => {
                // `[[],[],…`: a list of 56 bytes and 16 for the garbage collector, and its slot, for three characters.
                let most = length * &Amount::Int(30) + Amount::Int(100);
                let hint = format!("{}_parsed_size", self.hint(node));
                let cause = "what the parsed text takes is not known";
                let bytes = self.quantity(node, &hint, UnknownKind::Memory, cause, Some(most));
                self.state.transient(&Bytes::touched(bytes));
                self.unknown(node, UnknownKind::Result, "the content of a JSON text")
            }
        }
    }

    /// A parsed value. The keys of its dicts are one text each.
    fn json_value(&mut self, plain: Plain, with_keys: bool, node: &impl Ranged) -> Value {
        let (kind, length) = match &plain {
            Plain::List(items) => (Kind::List, items.len()),
            Plain::Dict(items) => (Kind::Dict, items.len()),
            _ => return self.materialise(plain, node),
        };
        let own = match kind {
            Kind::List => self.sizes.list_grown(&Amount::from(length)),
            _ => self.sizes.dict(&Amount::from(length), true),
        };
        let mut keys = BTreeSet::new();
        let total = self.parsed_bytes(&plain, with_keys, &mut keys);
        let mut object = Object::new(kind, own.clone());
        let payload = &total - &own;
        object.length = Some(Amount::from(length));
        object.growth = Growth::Appended;
        object.known = Some(plain);
        object.rest = super::value::Rest::of_payload(payload);
        self.allocate(object, node)
    }

    fn parsed_bytes(&self, plain: &Plain, with_keys: bool, keys: &mut BTreeSet<Text>) -> Bytes {
        match plain {
            // Texts of one character are there already.
            Plain::Str(text) if text.chars().nth(1).is_none() => Bytes::ZERO,
            Plain::List(items) | Plain::Tuple(items) => {
                let mut total = self.sizes.list_grown(&Amount::from(items.len()));
                for item in items.iter() {
                    total += &self.parsed_bytes(item, with_keys, keys);
                }
                total
            }
            Plain::Dict(items) => {
                let mut total = self.sizes.dict(&Amount::from(items.len()), true);
                for (key, item) in items.iter() {
                    if let Plain::Str(text) = key
                        && with_keys
                        && keys.insert(text.clone())
                    {
                        total += &self.sizes.plain(key);
                    }
                    total += &self.parsed_bytes(item, with_keys, keys);
                }
                total
            }
            other => self.sizes.plain(other),
        }
    }

    /// Remembers of a text what it was made of, so that reading it back gives that.
    fn keep_template(&mut self, text: &Value, value: &Value) {
        let id = match self.stream_of(text).or_else(|| text.object()) {
            Some(id) => id,
            None => return,
        };
        let list = match value {
            Value::Object(of) => {
                self.state.object(*of).filter(|object| object.kind == Kind::List && object.known.is_none())
            }
            _ => None,
        };
        let found = match list {
            Some(object) if object.rest.as_ref().is_some_and(|rest| !rest.count.is_zero()) => {
                let sample = object.rest.as_ref().and_then(|rest| rest.value.clone());
                let count = object.length.clone();
                sample.and_then(|sample| self.typical(&sample, 0)).zip(count).map(|(item, count)| (item, Some(count)))
            }
            _ => self.typical(value, 0).map(|whole| (whole, None)),
        };
        if let Some((plain, count)) = found {
            self.state.note(id, |object| {
                object.fields.insert(Text::from("<item>"), Value::Plain(plain));
                if let Some(count) = count {
                    object.features.insert(Text::from("<items>"), count);
                }
            });
        }
    }

    /// A known value like one that is not known.
    fn typical(&self, value: &Value, depth: usize) -> Option<Plain> {
        if depth > 8 {
            return None;
        }
        match value {
            Value::Plain(plain) => Some(plain.clone()),
            Value::Float(float) | Value::Number(Number { float: Some(float), .. }) => Some(Plain::Float(*float)),
            Value::Number(number) => Some(match number.kind {
                NumberKind::Bool => Plain::Bool(true),
                NumberKind::Float => Plain::Float(1.0 / 3.0),
                NumberKind::Int => {
                    let amount = number.amount.as_ref().map(|amount| amount.substitute(&self.last_rounds));
                    Plain::int(amount.and_then(|amount| amount.as_int()).unwrap_or(123_456))
                }
            }),
            Value::Object(id) => {
                let object = self.state.object(*id)?;
                if let Some(known) = &object.known {
                    return Some(known.clone());
                }
                match object.kind {
                    Kind::Str { .. } => {
                        let length = object.length.as_ref().map(|length| length.substitute(&self.last_rounds));
                        let length = length.and_then(|length| length.as_usize()).unwrap_or(16).min(100_000);
                        Some(Plain::text("x".repeat(length)))
                    }
                    Kind::List | Kind::Tuple | Kind::Set if object.rest.is_none() || object.apart() => object
                        .entries
                        .iter()
                        .map(|entry| self.typical(&entry.value, depth + 1))
                        .collect::<Option<Vec<_>>>()
                        .map(Plain::list),
                    Kind::List | Kind::Tuple => {
                        let rest = object.rest.as_ref()?;
                        let count = rest.count.as_usize().filter(|count| *count <= 1_000)?;
                        let item = self.typical(rest.value.as_ref()?, depth + 1)?;
                        Some(Plain::list(vec![item; count]))
                    }
                    Kind::Dict if object.apart() => object
                        .entries
                        .iter()
                        .map(|entry| {
                            let key = self.typical(entry.key.as_ref()?, depth + 1)?;
                            Some((key, self.typical(&entry.value, depth + 1)?))
                        })
                        .collect::<Option<Vec<_>>>()
                        .map(|items| Plain::Dict(items.into())),
                    _ => None,
                }
            }
            Value::Input(_) | Value::Unknown(_) | Value::Code(_) => None,
        }
    }

    /// `html.escape(text)`: five replacements, each a text of its own (`Lib/html/__init__.py`).
    fn html_escape(&mut self, text: &Value, node: &impl Ranged) -> Value {
        let length = self.text_length(text, node);
        let width = self.width(text);
        let longer = match self.marks(text) {
            Some(marks) => marks.html,
            None => {
                let hint = format!("len_{}", self.hint(node));
                let cause = "how many characters have to be escaped is not known";
                self.quantity(node, &hint, UnknownKind::Size, cause, Some(&length * &Amount::Int(5)))
            }
        };
        if longer.is_zero() {
            return text.clone();
        }
        let room = self.sizes.str(width, &length);
        self.state.transient(&room);
        self.new_str(width, length + longer, node)
    }

    // ---- texts and bytes in memory, files ---------------------------------------------------------------------------------

    /// `io.StringIO(text)`: with a text, its characters as four bytes each (`Modules/_io/stringio.c`).
    fn string_io(&mut self, text: Option<Value>, node: &impl Ranged) -> Value {
        let mut object = Object::new(Kind::Named(Text::from("io.StringIO")), super::sizes::object(160));
        object.growth = Growth::Appended;
        let mut marks = Some(Marks::none());
        let mut length = Amount::ZERO;
        if let Some(text) = text.filter(|text| *text != Value::NONE && text.as_text() != Some("")) {
            length = self.text_length(&text, node);
            marks = self.marks(&text);
            object.features.insert(Text::from("<wide>"), Amount::ONE);
            object.features.insert(Text::from("width"), Amount::Int(self.width(&text).into()));
            if let Some(plain) = self.plain(&text) {
                note_content(&mut object, plain);
            }
            object.features.insert(Text::from("<file_bytes>"), length.clone());
        }
        let is_empty = length.is_zero();
        object.length = Some(length);
        object.features.insert(Text::from("<pieces>"), Amount::ZERO);
        object.own = self.buffer_bytes(&object);
        let made = self.allocate(object, node);
        self.begin_text(&made, is_empty);
        self.set_marks(&made, marks);
        self.set_lines(&made, node);
        made
    }

    /// What is written to a stream is known from now on, if it has nothing in it.
    fn begin_text(&mut self, stream: &Value, is_empty: bool) {
        let Value::Object(id) = stream else { return };
        match is_empty {
            true => self.state.written.insert(*id, Rc::default()),
            false => self.state.written.remove(id),
        };
    }

    /// A stream is read: what was written to it is its text, if that is known.
    fn know_text(&mut self, content: ObjectId) {
        if let Some(text) = self.state.written.get(&content).filter(|text| !text.is_empty()).cloned()
            && self.state.object(content).is_some_and(|object| !object.fields.contains_key("<text>"))
        {
            self.state.note(content, |object| note_content(object, Plain::text(text.as_str())));
        }
    }

    /// `io.StringIO` is read line by line: its text becomes one of four bytes a character (`realize` in
    /// Modules/_io/stringio.c).
    pub(super) fn realise(&mut self, stream: ObjectId) {
        let is_wide = self.state.object(stream).is_some_and(|object| object.features.contains_key("<wide>"));
        if is_wide || !self.is_kind(&Value::Object(stream), "io.StringIO") {
            return;
        }
        let mut length = Amount::ZERO;
        self.state.note(stream, |object| {
            length = object.length.clone().unwrap_or(Amount::ZERO);
            object.features.remove("<shared>");
            object.features.insert(Text::from("<pieces>"), Amount::ZERO);
            object.features.insert(Text::from("<wide>"), Amount::ONE);
        });
        self.resize_buffer(stream);
        self.state.transient(&Bytes::touched(length));
    }

    /// `io.BytesIO(data)`: shares the bytes until it is written to (`Modules/_io/bytesio.c`).
    fn bytes_io(&mut self, data: Option<Value>, node: &impl Ranged) -> Value {
        let mut object = Object::new(Kind::Named(Text::from("io.BytesIO")), super::sizes::object(120));
        object.growth = Growth::Appended;
        let data = data.filter(|data| *data != Value::NONE);
        let length = match &data {
            Some(data) => self.length(data, node).unwrap_or(Amount::ZERO),
            None => Amount::ZERO,
        };
        let mut marks = Some(Marks::none());
        if let Some(data) = &data {
            marks = self.marks(data);
            object.features.insert(Text::from("<shared>"), Amount::ONE);
            object.base.extend(data.object());
            for name in ["<image_width>", "<image_height>"] {
                let known = self.state.object_of(data).and_then(|object| object.features.get(name).cloned());
                object.features.extend(known.map(|known| (Text::from(name), known)));
            }
            let mode = self.state.object_of(data).and_then(|object| object.fields.get("<image_mode>").cloned());
            object.fields.extend(mode.map(|mode| (Text::from("<image_mode>"), mode)));
            if let Some(content) =
                self.state.object_of(data).and_then(|object| object.features.get("<content>").cloned())
            {
                object.features.insert(Text::from("<content>"), content);
            }
            if let Some(Plain::Bytes(bytes)) = self.plain(data)
                && let Ok(text) = std::str::from_utf8(&bytes)
            {
                note_content(&mut object, Plain::text(text));
            }
            object.features.insert(Text::from("<file_bytes>"), length.clone());
        }
        object.length = Some(length);
        object.features.insert(Text::from("<pieces>"), Amount::ZERO);
        object.own = self.buffer_bytes(&object);
        let made = self.allocate(object, node);
        self.set_marks(&made, marks);
        self.set_lines(&made, node);
        made
    }

    fn resize_buffer(&mut self, stream: ObjectId) {
        if let Some(object) = self.state.object(stream) {
            let own = self.buffer_bytes(object);
            self.state.resize(stream, own);
        }
    }

    /// What a text or bytes in memory take of their own.
    pub(super) fn buffer_bytes(&self, object: &Object) -> Bytes {
        let Kind::Named(name) = &object.kind else { return object.own.clone() };
        let Some(length) = &object.length else { return object.own.clone() };
        let is = |feature: &str| object.features.get(feature).is_some_and(|amount| !amount.is_zero());
        let eighth = || length.floor_div(&Amount::Int(8)).unwrap_or(Amount::ZERO);
        match &**name {
            "io.StringIO" if is("<shared>") => super::sizes::object(160),
            "io.StringIO" if is("<wide>") => &super::sizes::object(160) + &Bytes::touched(length * &Amount::Int(4)),
            "io.StringIO" if self.options.version >= Version::Py313 => {
                let room = Bytes { requested: length + &eighth(), resident: length.clone() };
                &super::sizes::object(160) + &room
            }
            "io.StringIO" => {
                let pieces = object.features.get("<pieces>").cloned().unwrap_or(Amount::ZERO);
                let pieces = pieces.min(&Amount::Int(PIECES_AT_ONCE)) * Amount::Int(PIECE);
                &super::sizes::object(160) + &Bytes::touched(length + &pieces)
            }
            "io.BytesIO" if is("<shared>") => super::sizes::object(120),
            // Grown by an eighth at a time; what is spare is not touched.
            "io.BytesIO" => {
                let room = Bytes {
                    requested: length + &length.floor_div(&Amount::Int(16)).unwrap_or(Amount::ZERO),
                    resident: length.clone(),
                };
                &super::sizes::object(153) + &room
            }
            _ => object.own.clone(),
        }
    }

    fn path_of(&self, path: &Value) -> Option<Text> {
        match self.plain(path) {
            Some(Plain::Str(text)) => Some(text),
            _ => match self.state.object_of(path)?.fields.get("<path>")? {
                Value::Plain(Plain::Str(text)) => Some(text.clone()),
                _ => None,
            },
        }
    }

    fn file_frame(&self) -> Option<super::value::FrameId> {
        self.state.modules.values().next().copied()
    }

    /// What was written to a file by its path.
    fn written_file(&self, path: &str) -> Option<ObjectId> {
        self.state.get(self.file_frame()?, &format!("<file {path}>"))?.object()
    }

    fn open_file(&mut self, path: &Value, mode: &str, node: &impl Ranged) -> Value {
        let key = self.path_of(path).unwrap_or_else(|| Text::from(self.hint(node)));
        let known = self.written_file(&key);
        let new = mode.contains('w') || mode.contains('x');
        let binary = mode.contains('b');
        let content = match known {
            Some(content) if !new => content,
            _ => {
                let mut object = Object::new(Kind::Named(Text::from("file content")), Bytes::ZERO);
                let file = key.rsplit('/').next().unwrap_or(&key).to_owned();
                object.length = Some(if new || mode.contains('a') {
                    Amount::ZERO
                } else {
                    let name: String = file.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
                    let cause = format!("the size of the file {file} is not known");
                    self.quantity(node, &format!("{name}_size"), UnknownKind::Size, &cause, None)
                });
                let made = self.allocate(object, node);
                self.begin_text(&made, new);
                if new {
                    self.set_marks(&made, Some(Marks::none()));
                }
                if let Some(frame) = self.file_frame() {
                    self.state.set(frame, Text::from(format!("<file {key}>")), made.clone());
                }
                match made {
                    Value::Object(id) => id,
                    _ => return Value::NONE,
                }
            }
        };
        self.file_over(content, binary, !new && !mode.contains('a'), node)
    }

    fn file_over(&mut self, content: ObjectId, binary: bool, reading: bool, node: &impl Ranged) -> Value {
        let (name, bytes) = if binary { ("io.BinaryFile", BINARY_FILE) } else { ("io.TextFile", TEXT_FILE) };
        let mut object = Object::new(Kind::Named(Text::from(name)), Bytes::touched(Amount::Int(bytes)));
        object.base.push(content);
        object.features.insert(Text::from("position"), Amount::ZERO);
        let file = self.allocate(object, node);
        if reading {
            self.set_lines(&file, node);
        }
        file
    }

    /// Where a stream keeps what is written to it: with itself, or in a file.
    fn stream_of(&self, stream: &Value) -> Option<ObjectId> {
        let Value::Object(id) = stream else { return None };
        let object = self.state.object(*id)?;
        match &object.kind {
            Kind::Named(name) => match &**name {
                "io.StringIO" | "io.BytesIO" => Some(*id),
                "io.TextFile" | "io.BinaryFile" => object.base.first().copied(),
                _ => None,
            },
            _ => None,
        }
    }

    /// How many lines a stream has.
    fn lines_of(&mut self, content: ObjectId, node: &impl Ranged) -> Amount {
        let object = self.state.object(content).cloned();
        if let Some(Value::Plain(Plain::Str(text))) = object.as_ref().and_then(|object| object.fields.get("<text>")) {
            return Amount::from(text.lines().count());
        }
        if let Some(marks) = self.marks(&Value::Object(content)) {
            return marks.lines;
        }
        let length = object.and_then(|object| object.length).unwrap_or(Amount::ZERO);
        let cause = "how many lines the file has is not known";
        self.quantity(node, "lines", UnknownKind::Size, cause, Some(length))
    }

    /// A line of a stream as it stands for all of them.
    fn line_of(&mut self, content: ObjectId, binary: bool, node: &impl Ranged) -> (Amount, Value) {
        self.know_text(content);
        let lines = self.lines_of(content, node);
        let object = self.state.object(content).cloned();
        let length = object.as_ref().and_then(|object| object.length.clone()).unwrap_or(Amount::ZERO);
        let each = match (&length, &lines) {
            (Amount::Int(length), Amount::Int(lines)) => Amount::Int(length / lines.max(&1)),
            _ => length.divide(&lines.max(&Amount::ONE)).unwrap_or(Amount::Int(80)),
        };
        let width = object.and_then(|object| object.features.get("width").and_then(Amount::as_usize)).unwrap_or(1);
        let line = if binary {
            self.new_bytes(each, node)
        } else {
            self.new_str(u8::try_from(width).unwrap_or(1), each, node)
        };
        (lines, line)
    }

    /// Lets a stream be gone over line by line.
    fn set_lines(&mut self, stream: &Value, node: &impl Ranged) {
        let (Some(content), Value::Object(id)) = (self.stream_of(stream), stream) else { return };
        let binary = self.is_binary(*id);
        let empty =
            self.state.object(content).and_then(|object| object.length.clone()).is_none_or(|length| length.is_zero());
        if empty {
            return;
        }
        let (lines, line) = self.line_of(content, binary, node);
        if let Value::Object(sample) = &line {
            // It stands for those that are read, and is none itself.
            let bytes = self.state.object(*sample).map(Object::bytes).unwrap_or(Bytes::ZERO);
            self.state.note(*sample, |object| object.account = Some(*id));
            self.state.live -= &bytes;
            self.state.demand -= bytes.requested;
        }
        self.state.hold(&line);
        self.state
            .note(*id, |object| object.source = Some(Rc::new(Source::Adapter(Adapter::Count(lines), vec![line]))));
    }

    fn is_binary(&self, id: ObjectId) -> bool {
        matches!(self.state.object(id).map(|object| &object.kind), Some(Kind::Named(name)) if matches!(&**name, "io.BytesIO" | "io.BinaryFile"))
    }

    /// Writes a text to a stream.
    fn write_text(&mut self, stream: &Value, text: &Value, node: &impl Ranged) -> Amount {
        let size = self.text_length(text, node);
        let (marks, width) = (self.marks(text), self.width(text));
        let known = match self.plain(text) {
            Some(Plain::Str(text)) => Some(text),
            _ => None,
        };
        self.write_known(stream, &size, marks, width, known.as_deref());
        size
    }

    /// `print(…, file=stream)`
    pub(super) fn print_to(&mut self, stream: &Value, arguments: &Arguments, node: &impl Ranged) {
        let word = |name: &str, usual: &str| match arguments.keyword(name) {
            Some(value) if *value != Value::NONE => value.clone(),
            _ => Value::text(usual),
        };
        let (between, end) = (word("sep", " "), word("end", "\n"));
        let mut parts: Vec<Value> = Vec::new();
        for (at, value) in arguments.positional.iter().enumerate() {
            if at > 0 {
                parts.push(between.clone());
            }
            parts.push(match self.plain(value) {
                Some(plain @ (Plain::None | Plain::Bool(_) | Plain::Int(_) | Plain::Float(_))) => {
                    Value::text(&plain.repr())
                }
                _ => value.clone(),
            });
        }
        parts.push(end);
        let (mut length, mut width) = (Amount::ZERO, 1);
        let mut text = Some(String::new());
        for part in &parts {
            length += self.text_length(part, node);
            width = width.max(self.width(part));
            text = match (text, self.plain(part)) {
                (Some(text), Some(Plain::Str(part))) => Some(text + &*part),
                _ => None,
            };
        }
        // Separators and ends are constants: what is new are the values' texts, as one piece.
        let marks = self.marks_of_all(&parts);
        self.write_known(stream, &length, marks, width, text.as_deref());
    }

    /// Writes so many characters or bytes to a stream, of which nothing is known.
    fn write_to(&mut self, stream: &Value, length: &Amount, marks: Option<Marks>, width: u8) {
        self.write_known(stream, length, marks, width, None);
    }

    fn write_known(&mut self, stream: &Value, length: &Amount, marks: Option<Marks>, width: u8, text: Option<&str>) {
        if let Value::Object(id) = stream
            && let Some(object) = self.state.object(*id)
            && matches!(&object.kind, Kind::Named(name) if matches!(&**name, "csv.writer" | "csv.DictWriter"))
            && let Some(inner) = object.base.first().copied()
        {
            return self.write_known(&Value::Object(inner), length, marks, width, text);
        }
        let Some(content) = self.stream_of(stream) else { return };
        match (text, self.state.written.get_mut(&content)) {
            (Some(text), Some(written)) if written.len() + text.len() <= MAX_CONTENT => {
                Rc::make_mut(written).push_str(text);
            }
            _ => drop(self.state.written.remove(&content)),
        }
        let old = self.marks(&Value::Object(content));
        let marks = old.zip(marks).map(|(old, new)| old.and(new));
        self.state.note(content, |object| {
            let before = object.length.clone().unwrap_or(Amount::ZERO);
            object.length = Some(before + length.clone());
            for name in ["<shared>", "<content>"] {
                object.features.remove(name);
            }
            object.fields.remove("<text>");
            let pieces = object.features.entry(Text::from("<pieces>")).or_insert(Amount::ZERO);
            *pieces += Amount::ONE;
            let wide = object.features.entry(Text::from("width")).or_insert(Amount::ONE);
            *wide = wide.max(&Amount::Int(width.into()));
        });
        self.set_marks(&Value::Object(content), marks);
        self.resize_buffer(content);
    }

    fn stream_method(
        &mut self,
        kind: &str,
        method: &str,
        receiver: &Value,
        first: Option<Value>,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        let Value::Object(id) = receiver else { return Ok(None) };
        if kind == "io.Compressor" {
            return Ok(Some(match (method, first) {
                ("write", Some(data)) => {
                    let length = self.length(&data, node).unwrap_or(Amount::ZERO);
                    let target = self.state.object(*id).and_then(|object| object.base.first().copied());
                    let marks = self.marks(&data);
                    if let Some(target) = target {
                        let before =
                            self.state.object(target).and_then(|object| object.features.get("<content>").cloned());
                        let most = length.substitute(&self.last_rounds);
                        let size = self.compressed_size(&most.clone(), most, node);
                        self.write_to(&Value::Object(target), &size, marks, 1);
                        let content = before.unwrap_or(Amount::ZERO) + length.clone();
                        self.state.note(target, |object| {
                            object.features.insert(Text::from("<content>"), content);
                        });
                    }
                    Value::int(length)
                }
                ("close", _) => {
                    self.close(*id);
                    Value::NONE
                }
                _ => Value::NONE,
            }));
        }
        let Some(content) = self.stream_of(receiver) else { return Ok(None) };
        let binary = self.is_binary(*id);
        if !matches!(method, "write" | "writelines" | "close") {
            self.know_text(content);
        }
        let object = self.state.object(content).cloned();
        let length = object.as_ref().and_then(|object| object.length.clone()).unwrap_or(Amount::ZERO);
        let width = object.as_ref().and_then(|object| object.features.get("width")).and_then(Amount::as_usize);
        let width = u8::try_from(width.unwrap_or(1)).unwrap_or(1);
        Ok(Some(match method {
            "write" => {
                let Some(data) = first else { return Ok(Some(Value::NONE)) };
                if !binary {
                    return Ok(Some(Value::int(self.write_text(receiver, &data, node))));
                }
                let size = self.length(&data, node).unwrap_or(Amount::ZERO);
                let (marks, width) = (self.marks(&data), self.width(&data));
                self.write_to(receiver, &size, marks, width);
                Value::int(size)
            }
            "writelines" => {
                let Some(lines) = first else { return Ok(Some(Value::NONE)) };
                let place = Place::of(node);
                let stream = receiver.clone();
                let each: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, line: Value| {
                    machine.steps += 1;
                    machine.write_text(&stream, &line, &place);
                    machine.state.settle(&line);
                    Flow::Next
                });
                self.for_each(&lines, place, &each)?;
                Value::NONE
            }
            "read" | "read1" | "readall" | "getvalue" | "getbuffer" => {
                let whole = self.state.object(*id).and_then(|object| object.features.get("<whole>").cloned());
                let length = whole.unwrap_or(length);
                let most = first.filter(|_| method.starts_with("read")).filter(|most| *most != Value::NONE);
                let most = most
                    .and_then(|most| self.amount(&most, node))
                    .filter(|most| most.as_int().is_none_or(|most| most >= 0));
                if let Some(most) = most {
                    let position = self.state.object(*id).and_then(|object| object.features.get("position").cloned());
                    let position = position.unwrap_or(Amount::ZERO);
                    let left = (&length - &position).at_least_zero();
                    let taken = left.min(&most);
                    self.state.note(*id, |object| {
                        object.features.insert(Text::from("position"), position + taken.clone());
                    });
                    return Ok(Some(if taken.is_zero() {
                        if binary { Value::Plain(Plain::bytes(Vec::new())) } else { Value::text("") }
                    } else if binary {
                        self.new_bytes(taken, node)
                    } else {
                        self.new_str(width, taken, node)
                    }));
                }
                let text = object.as_ref().and_then(|object| object.fields.get("<text>")).cloned();
                let text = text.as_ref().and_then(|text| self.plain(text)).filter(|_| !binary);
                let marks = self.marks(&Value::Object(content));
                let shares = matches!(kind, "io.BytesIO" | "io.StringIO")
                    && method != "getbuffer"
                    && (binary || self.options.version < Version::Py313)
                    && self.state.object(content).is_some_and(|object| !object.features.contains_key("<wide>"));
                if shares {
                    // The buffer becomes the result, and is shared from now on.
                    let base = self
                        .state
                        .object(content)
                        .filter(|object| object.features.contains_key("<shared>"))
                        .and_then(|object| object.base.first().copied());
                    if let Some(base) = base {
                        return Ok(Some(Value::Object(base)));
                    }
                    if !binary {
                        // The last pieces are put together and freed, then all of them.
                        let pieces =
                            self.state.object(content).and_then(|object| object.features.get("<pieces>").cloned());
                        let pieces = pieces.unwrap_or(Amount::ZERO);
                        let joined = match &pieces {
                            // None of them has been put together before.
                            Amount::Int(count) if *count <= PIECES_AT_ONCE => length.clone(),
                            _ => {
                                let room = pieces.min(&Amount::Int(PIECES_AT_ONCE)) * Amount::Int(PIECE);
                                (&length - &room).at_least_zero()
                            }
                        };
                        self.state.transient(&Bytes::touched(joined));
                    }
                    self.state.note(content, |object| {
                        object.features.insert(Text::from("<shared>"), Amount::ONE);
                        object.features.insert(Text::from("<pieces>"), Amount::ZERO);
                    });
                    self.resize_buffer(content);
                } else if !binary && kind == "io.TextFile" {
                    // The bytes are there while they are decoded.
                    self.state.transient(&Bytes::touched(&length * &Amount::Int(2)));
                    self.state.demand -= length.clone();
                }
                let value = match text {
                    Some(text) => self.materialise(text, node),
                    None if binary => self.new_bytes(length, node),
                    None => self.new_str(width, length, node),
                };
                self.set_marks(&value, marks);
                let (item, items, inner) = (
                    object.as_ref().and_then(|object| object.fields.get("<item>").cloned()),
                    object.as_ref().and_then(|object| object.features.get("<items>").cloned()),
                    object.as_ref().and_then(|object| object.features.get("<content>").cloned()),
                );
                if let Value::Object(made) = &value {
                    self.state.note(*made, |object| {
                        object.fields.extend(item.map(|item| (Text::from("<item>"), item)));
                        object.features.extend(items.map(|items| (Text::from("<items>"), items)));
                        object.features.extend(inner.map(|inner| (Text::from("<content>"), inner)));
                    });
                    if shares {
                        let made = *made;
                        self.state.hold(&value);
                        self.state.note(content, |object| object.base = vec![made]);
                    }
                }
                value
            }
            "readline" | "__next__" => {
                self.realise(content);
                self.line_of(content, binary, node).1
            }
            "readlines" => {
                self.realise(content);
                let (lines, line) = self.line_of(content, binary, node);
                let list = self.many(Kind::List, lines, line, node);
                self.appended(list)
            }
            "seek" => {
                let to = first.and_then(|to| self.amount(&to, node)).unwrap_or(Amount::ZERO);
                // What is written from there on replaces what is there.
                self.state.written.remove(&content);
                self.state.note(*id, |object| {
                    object.features.insert(Text::from("position"), to);
                });
                self.set_lines(receiver, node);
                Value::number(NumberKind::Int)
            }
            "truncate" => {
                let to = first.and_then(|to| self.amount(&to, node)).unwrap_or(Amount::ZERO);
                self.begin_text(&Value::Object(content), to.is_zero());
                self.state.note(content, |object| {
                    object.fields.remove("<text>");
                    object.length = Some(to);
                    object.features.remove("<shared>");
                    object.features.insert(Text::from("<pieces>"), Amount::ZERO);
                });
                self.resize_buffer(content);
                Value::number(NumberKind::Int)
            }
            "tell" | "fileno" => Value::int(length),
            "readable" | "writable" | "seekable" | "isatty" => Value::number(NumberKind::Bool),
            "readinto" => Value::int(length),
            "close" => {
                self.close(*id);
                Value::NONE
            }
            "__iter__" => receiver.clone(),
            _ => Value::NONE,
        }))
    }

    // ---- CSV ------------------------------------------------------------------------------------------------------------

    fn csv_object(
        &mut self,
        kind: &str,
        file: &Value,
        names: Option<Value>,
        arguments: &Arguments,
        node: &impl Ranged,
    ) -> Value {
        let mut object = Object::new(Kind::Named(Text::from(kind)), super::sizes::object(240));
        object.base.extend(file.object());
        let usual = 1 + usize::from(names.is_some());
        if arguments.values().count() > usual {
            object.features.insert(Text::from("<dialect>"), Amount::ONE);
        }
        if let Some(names) = names {
            object.fields.insert(Text::from("<names>"), names);
        }
        self.allocate(object, node)
    }

    /// Writes a row: its fields, commas between, a line end of two characters; quotes where a field has a comma.
    fn csv_row(&mut self, writer: &Value, row: &Value, node: &impl Ranged) {
        let values: Option<Vec<Value>> = match row {
            Value::Object(id) => self
                .state
                .object(*id)
                .filter(|object| object.apart())
                .map(|object| object.entries.iter().map(|entry| entry.value.clone()).collect()),
            Value::Plain(Plain::Dict(items)) => {
                Some(items.iter().map(|(_, item)| Value::Plain(item.clone())).collect())
            }
            other => self.items_apart(other),
        };
        let (length, width) = match values.or_else(|| self.items_apart(row)) {
            Some(values) => {
                let mut total = Amount::from(values.len().saturating_sub(1)) + Amount::Int(2);
                let mut width = 1;
                for value in &values {
                    if *value == Value::NONE {
                        continue;
                    }
                    total += self.text_length(value, node);
                    width = width.max(self.width(value));
                    if self.marks(value).is_some_and(|marks| !marks.commas.is_zero() || !marks.lines.is_zero()) {
                        total += Amount::Int(2);
                    }
                }
                (total, width)
            }
            None => {
                let count = self.length(row, node).unwrap_or(Amount::ONE);
                let each = match self.sample(row) {
                    Some(item) => self.text_length(&item, node),
                    None => Amount::Int(8),
                };
                (count * (each + Amount::ONE) + Amount::ONE, 1)
            }
        };
        let marks = Marks { lines: Amount::ONE, ..Marks::none() };
        let text = self.csv_line(writer, row);
        self.write_known(writer, &length, Some(marks), width, text.as_deref());
    }

    /// The line that a row becomes, where all is known and the dialect is the usual one.
    fn csv_line(&self, writer: &Value, row: &Value) -> Option<String> {
        let writer = self.state.object_of(writer)?;
        if writer.features.contains_key("<dialect>") {
            return None;
        }
        let items = match (self.plain(row)?, writer.fields.get("<names>")) {
            (Plain::List(items) | Plain::Tuple(items), _) => items.to_vec(),
            (Plain::Dict(items), Some(names)) => {
                let names = self.plain(names)?.elements(1_000)?;
                let named = |name: &Plain| items.iter().find(|(key, _)| key == name).map(|(_, item)| item.clone());
                names.iter().map(|name| named(name).unwrap_or_else(|| Plain::text(""))).collect()
            }
            _ => return None,
        };
        let field = |item: &Plain| match item {
            Plain::None => String::new(),
            Plain::Str(text) if text.contains([',', '"', '\r', '\n']) => format!("\"{}\"", text.replace('"', "\"\"")),
            Plain::Str(text) => text.to_string(),
            other => other.repr(),
        };
        Some(items.iter().map(field).collect::<Vec<_>>().join(",") + "\r\n")
    }

    fn csv_reader(&mut self, lines: &Value, dicts: bool, names: Option<Value>, node: &impl Ranged) -> Value {
        let content = self.stream_of(lines);
        if let Some(content) = content {
            self.know_text(content);
            self.realise(content);
        }
        let text = match content {
            Some(content) => self.state.object(content).and_then(|object| object.fields.get("<text>").cloned()),
            None => None,
        };
        let known = match (&text, self.plain(lines)) {
            (Some(Value::Plain(Plain::Str(text))), _) => Some(csv_columns(text)),
            (_, Some(Plain::List(items))) => {
                let lines: Vec<&str> = items
                    .iter()
                    .filter_map(|item| match item {
                        Plain::Str(text) => Some(&**text),
                        _ => None,
                    })
                    .collect();
                Some(csv_columns(&lines.join("\n")))
            }
            _ => None,
        };
        let header = names.as_ref().and_then(|names| self.items_apart(names));
        let mut keys: Vec<Value> = header.clone().unwrap_or_default();
        let mut different: Vec<Option<usize>> = Vec::new();
        let (count, fields): (Amount, Vec<(Amount, Bytes)>) = match known {
            Some(columns) => {
                different = columns.different;
                if header.is_none() {
                    keys = columns.header.iter().map(|name| Value::text(name)).collect();
                }
                let rows = columns.rows;
                let fields = columns.fields.into_iter().map(|(length, bytes)| (Amount::from(length), bytes)).collect();
                (Amount::from(rows + 1), fields)
            }
            None => {
                let (count, length, commas) = match content {
                    Some(content) => {
                        let lines = self.lines_of(content, node);
                        let length = self.state.object(content).and_then(|object| object.length.clone());
                        let commas = self.marks(&Value::Object(content)).map(|marks| marks.commas);
                        (lines, length.unwrap_or(Amount::ZERO), commas)
                    }
                    None => {
                        let count = self.length(lines, node).unwrap_or(Amount::ZERO);
                        let item = self.sample(lines);
                        let each = match &item {
                            Some(item) => self.text_length(item, node),
                            None => Amount::Int(80),
                        };
                        let commas = item.and_then(|item| self.marks(&item)).map(|marks| marks.commas * count.clone());
                        (count.clone(), each * count, commas)
                    }
                };
                let columns = match (commas.and_then(|commas| commas.divide(&count.max(&Amount::ONE))), keys.len()) {
                    (_, known) if known > 0 => known,
                    (Some(each), _) => each.floor().as_usize().unwrap_or(7) + 1,
                    (None, _) => 8,
                };
                let per_row = length.divide(&count.max(&Amount::ONE)).unwrap_or(Amount::Int(80));
                let each = per_row.divide(&Amount::from(columns.max(1))).unwrap_or(Amount::Int(8)).floor();
                let bytes = self.sizes.str(1, &each);
                (count, vec![(each, bytes); columns.min(256)])
            }
        };
        while keys.len() < fields.len() {
            keys.push(Value::text(&format!("column{}", keys.len())));
        }
        let mut row = Object::new(if dicts { Kind::Dict } else { Kind::List }, Bytes::ZERO);
        row.growth = Growth::Appended;
        row.length = Some(Amount::from(fields.len()));
        for (at, (length, bytes)) in fields.into_iter().enumerate() {
            let mut field = Object::new(Kind::Str { width: 1 }, bytes);
            field.length = Some(length);
            if let Some(Some(different)) = different.get(at) {
                field.features.insert(Text::from("<distinct>"), Amount::from(*different));
            }
            let value = self.allocate(field, node);
            let key = if dicts { keys.get(at).cloned() } else { None };
            let hash = key.as_ref().and_then(|key| hash_of(&self.plain(key)?));
            row.entries.push(Entry { key, value, hash });
        }
        row.own = self.own_for(&row);
        let row = self.allocate(row, node);
        let count = if dicts && header.is_none() { (&count - &Amount::ONE).at_least_zero() } else { count };
        let reader = self.adapter(Adapter::Count(count), vec![row], node);
        if let (Value::Object(id), Some(source)) = (&reader, lines.object()) {
            self.state.hold(lines);
            self.state.note(*id, |object| object.base.push(source));
        }
        if let (Value::Object(id), true) = (&reader, dicts) {
            let names = self.tuple_of(keys, node);
            self.state.set_field(*id, Text::from("fieldnames"), names);
        }
        reader
    }

    // ---- compression ------------------------------------------------------------------------------------------------------

    /// What data is compressed to: usually a third. "Typically on the order of 2:1 to 5:1" is the ratio that
    /// <https://zlib.net/zlib_tech.html> gives; this is the middle of both.
    fn compressed_size(&mut self, length: &Amount, most: Amount, node: &impl Ranged) -> Amount {
        let hint = format!("{}_compressed_size", self.hint(node));
        let cause = "what the data is compressed to is not known";
        self.typical_quantity(node, &hint, cause, Some(most), length.floor_div(&Amount::Int(3)))
    }

    /// Compressed data is at most a little longer than the data (`compressBound` of zlib; the manuals of bzip2 and xz).
    fn compress(&mut self, name: &str, data: &Value, node: &impl Ranged) -> Value {
        let length = self.length(data, node).unwrap_or(Amount::ZERO);
        let part = |of: i128| length.floor_div(&Amount::Int(of)).unwrap_or(Amount::ZERO);
        let most = match name {
            "zlib.compress" | "gzip.compress" => &length + &part(4096) + part(16_384) + Amount::Int(31),
            _ => &length + &part(100) + Amount::Int(600),
        };
        let size = self.compressed_size(&length, most, node);
        // Blocks of output, joined at the end (`Modules/clinic`, pycore_blocks_output_buffer.h), and the compressor's state.
        let state = match name {
            // 400,000 + 8 * 900,000 bytes (the manual of bzip2).
            "bz2.compress" => {
                Bytes::touched(Amount::Int(7_600_000).min(&(&length * &Amount::Int(9) + Amount::Int(400_000))))
            }
            // The manual of xz: 94 MiB at the default level; what of it is touched follows from the data.
            "lzma.compress" => Bytes {
                requested: Amount::Int(99_000_000),
                resident: Amount::Int(99_000_000).min(&(&length * &Amount::Int(12) + Amount::Int(18_000_000))),
            },
            _ => Bytes::touched(Amount::Int(DEFLATE_STATE)),
        };
        let blocks = Bytes::touched(&size * &Amount::Int(2));
        self.state.transient(&(&state + &blocks));
        let value = self.new_bytes(size, node);
        if let Value::Object(id) = &value {
            self.state.note(*id, |object| {
                object.features.insert(Text::from("<content>"), length);
            });
        }
        value
    }

    fn decompress(&mut self, name: &str, data: &Value, node: &impl Ranged) -> Value {
        let packed = self.length(data, node).unwrap_or(Amount::ZERO);
        let known = self.state.object_of(data).and_then(|object| object.features.get("<content>").cloned());
        let size = match known {
            Some(size) => size,
            None => {
                // Deflate gives at most 1032 bytes for one (the manual of zlib); the others know no such limit.
                let most = name.starts_with(['z', 'g']).then(|| &packed * &Amount::Int(1032));
                let hint = format!("{}_content_size", self.hint(node));
                self.quantity(node, &hint, UnknownKind::Size, "what the data expands to is not known", most)
            }
        };
        let input = if name == "gzip.decompress" { packed } else { Amount::ZERO };
        let state = match name {
            "bz2.decompress" => Amount::Int(3_700_000),
            "lzma.decompress" => size.min(&Amount::Int(8 << 20)),
            _ => Amount::Int(48_000),
        };
        let room = &(&size * &Amount::Int(2)) + &(input + state);
        self.state.transient(&Bytes::touched(room));
        self.state.demand -= size.clone();
        self.new_bytes(size, node)
    }

    // ---- binary records ----------------------------------------------------------------------------------------------------

    /// The bytes of a record of `struct`, and its fields.
    fn record(&self, format: &Value) -> Option<(usize, Vec<Value>)> {
        match self.plain(format)? {
            Plain::Str(format) => record(&format),
            Plain::Bytes(format) => record(std::str::from_utf8(&format).ok()?),
            _ => None,
        }
    }

    fn records(&mut self, name: &str, format: &Value, data: Option<Value>, node: &impl Ranged) -> Value {
        let method = name.rsplit('.').next().unwrap_or(name);
        let (size, fields) = match self.record(format) {
            Some((size, fields)) => (Amount::from(size), fields),
            None => {
                let cause = "the format of the record is not known";
                (self.quantity(node, "record_size", UnknownKind::Size, cause, None), Vec::new())
            }
        };
        match method {
            "pack" => self.new_bytes(size, node),
            "unpack" | "unpack_from" => self.tuple_of(fields, node),
            "iter_unpack" => {
                let length = data.and_then(|data| self.length(&data, node)).unwrap_or(Amount::ZERO);
                let count = length.floor_div(&size).unwrap_or(Amount::ZERO);
                let item = self.tuple_of(fields, node);
                self.adapter(Adapter::Count(count), vec![item], node)
            }
            _ => Value::NONE,
        }
    }

    // ---- patterns ----------------------------------------------------------------------------------------------------------

    fn match_pattern(
        &mut self,
        method: &str,
        pattern: &Value,
        rest: &[Value],
        is_plain: bool,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        // A compiled pattern has its flags with it.
        let object = self.state.object_of(pattern);
        let has_flags = object.is_some_and(|object| object.features.contains_key("<flags>"));
        let written = object.and_then(|object| object.fields.get("<pattern>")).unwrap_or(pattern);
        let source = match self.plain(written) {
            Some(Plain::Str(text)) => text.to_string(),
            _ => String::new(),
        };
        let subject = match method {
            "sub" | "subn" => rest.get(1),
            _ => rest.first(),
        };
        let Some(subject) = subject.cloned() else { return Ok(None) };
        // Without flags, and on a text that is known, it is known what is found.
        let is_plain =
            is_plain && !has_flags && !source.is_empty() && rest.len() <= if method.starts_with("sub") { 2 } else { 1 };
        if is_plain && let Some(found) = self.found(method, &source, &subject, rest, node) {
            return Ok(Some(found));
        }
        let length = self.text_length(&subject, node);
        let width = self.width(&subject);
        let lines = self.marks(&subject).map(|marks| marks.lines + Amount::ONE);
        let anchored = source.starts_with('^');
        let most = match (&lines, anchored) {
            (Some(lines), true) => lines.clone(),
            _ => length.floor_div(&Amount::from(least_length(&source).max(1))).unwrap_or(Amount::ZERO),
        };
        let groups = groups(&source);
        let whole = match &lines {
            Some(lines) => length.divide(lines).unwrap_or(Amount::Int(16)).floor(),
            None => Amount::Int(16).min(&length),
        };
        Ok(Some(match method {
            "findall" | "finditer" => {
                let hint = format!("len_{}", self.hint(node));
                let cause = "how often the pattern is found is not known";
                let count = self.typical_quantity(node, &hint, cause, Some(most.clone()), Some(most));
                if method == "finditer" {
                    let item = self.match_object(Some(&subject), groups, width, whole, node);
                    return Ok(Some(self.adapter(Adapter::Count(count), vec![item], node)));
                }
                let each = whole.floor_div(&Amount::from(groups.max(1))).unwrap_or(Amount::ONE);
                let item = if groups > 1 {
                    let texts = (0..groups.min(64)).map(|_| self.new_str(width, each.clone(), node)).collect();
                    self.tuple_of(texts, node)
                } else {
                    self.new_str(width, each, node)
                };
                let list = self.many(Kind::List, count, item, node);
                self.appended(list)
            }
            "match" | "search" | "fullmatch" => self.match_object(Some(&subject), groups, width, whole, node),
            "sub" | "subn" => {
                let replacement = rest.first().cloned().unwrap_or(Value::NONE);
                let longer = match &replacement {
                    Value::Code(_) => Amount::ONE,
                    other => self.text_length(other, node),
                };
                let text = if longer.as_int().is_some_and(|longer| longer <= 1) {
                    self.new_str(width, length.clone(), node)
                } else {
                    let hint = format!("len_{}", self.hint(node));
                    let cause = "how often the pattern is replaced is not known";
                    let most = &length + &(most * longer);
                    let length = self.quantity(node, &hint, UnknownKind::Size, cause, Some(most));
                    self.new_str(width.max(self.width(&replacement)), length, node)
                };
                // The pieces between the matches are a list until they are joined.
                self.state.transient(&Bytes::touched(length));
                if method == "subn" { self.pair(text, Value::number(NumberKind::Int), node) } else { text }
            }
            "split" => self.call_method(&subject, "split", Arguments::positional(vec![Value::text("\u{0}")]), node)?,
            "escape" => self.new_str(width, length, node),
            _ => return Ok(None),
        }))
    }

    /// A match with so many groups, of so many characters of some width.
    pub(super) fn match_object(
        &mut self,
        subject: Option<&Value>,
        groups: usize,
        width: u8,
        whole: Amount,
        node: &impl Ranged,
    ) -> Value {
        // A match of one group takes 176 bytes, and 16 for each further one (`Modules/_sre/sre.c`).
        let bytes = 176 + 16 * i128::try_from(groups).unwrap_or(0);
        let mut object = Object::new(Kind::Named(Text::from("re.Match")), super::sizes::object(bytes));
        object.features.insert(Text::from("<groups>"), Amount::from(groups));
        object.features.insert(Text::from("<whole>"), whole);
        object.features.insert(Text::from("<width>"), Amount::Int(width.into()));
        object.base.extend(subject.and_then(Value::object));
        self.allocate(object, node)
    }

    fn of_match(&mut self, method: &str, receiver: &Value, arguments: &Arguments, node: &impl Ranged) -> Value {
        let feature = |name: &str| self.state.object_of(receiver).and_then(|object| object.features.get(name).cloned());
        let groups = feature("<groups>").and_then(|groups| groups.as_usize()).unwrap_or(0);
        let whole = feature("<whole>").unwrap_or(Amount::Int(16));
        let width = feature("<width>")
            .and_then(|width| width.as_usize())
            .and_then(|width| u8::try_from(width).ok())
            .unwrap_or(1);
        let each = whole.floor_div(&Amount::from(groups.max(1))).unwrap_or(Amount::ONE);
        let asked: Vec<Value> = match (method, arguments.positional.as_slice()) {
            ("group" | "__getitem__", []) => vec![Value::int(Amount::ZERO)],
            ("group" | "__getitem__", given) => given.to_vec(),
            ("groups", []) if arguments.is_empty() => (1..=groups).map(|at| Value::int(Amount::from(at))).collect(),
            _ => Vec::new(),
        };
        let known: Option<Vec<Plain>> = asked.iter().map(|group| self.group_of(receiver, group)).collect();
        if let Some(known) = known.filter(|known| !known.is_empty()) {
            let mut texts: Vec<Value> = known.into_iter().map(|text| self.materialise(text, node)).collect();
            return match texts.len() {
                1 if method != "groups" => texts.remove(0),
                _ => self.tuple_of(texts, node),
            };
        }
        match method {
            "group" | "__getitem__" if arguments.positional.len() < 2 => {
                let zero = arguments
                    .positional
                    .first()
                    .is_none_or(|at| self.plain(at).is_some_and(|at| at.equals(&Plain::int(0))));
                self.new_str(width, if zero { whole } else { each }, node)
            }
            "group" | "groups" => {
                let count = if method == "group" { arguments.positional.len() } else { groups };
                let texts = (0..count.min(64)).map(|_| self.new_str(width, each.clone(), node)).collect();
                self.tuple_of(texts, node)
            }
            "groupdict" => {
                let dict = self.new_container(Kind::Dict, node);
                if let Value::Object(id) = dict {
                    for at in 0..groups.min(64) {
                        let text = self.new_str(width, each.clone(), node);
                        self.store(id, Value::text(&format!("group{at}")), text, node);
                    }
                }
                dict
            }
            "expand" => self.new_str(width, whole, node),
            "span" => self.pair(Value::number(NumberKind::Int), Value::number(NumberKind::Int), node),
            _ => Value::number(NumberKind::Int),
        }
    }

    // ---- threads ------------------------------------------------------------------------------------------------------------

    fn pool(&mut self, name: &str, arguments: &Arguments, node: &impl Ranged) -> Value {
        let workers = arguments.get(0, "max_workers").or_else(|| arguments.keyword("processes")).cloned();
        let workers =
            match workers.filter(|workers| *workers != Value::NONE).and_then(|workers| self.amount(&workers, node)) {
                Some(workers) => workers,
                None => {
                    // Lib/concurrent/futures/thread.py: `min(32, (os.cpu_count() or 1) + 4)`.
                    let cause = "how many workers there are follows from the number of processors";
                    self.quantity(node, "workers", UnknownKind::Size, cause, Some(Amount::Int(32)))
                }
            };
        let kind = Kind::Named(Text::from("concurrent.futures.Executor"));
        let mut object = Object::new(kind, super::sizes::object(2000));
        object.features.insert(Text::from("<workers>"), workers);
        if name.ends_with("ProcessPoolExecutor") || name == "multiprocessing.Pool" {
            object.features.insert(Text::from("<processes>"), Amount::ONE);
        }
        self.allocate(object, node)
    }

    /// The arguments of each call of a map, where there are not many.
    fn rows_apart(&mut self, lists: &[Value], spread: bool) -> Option<Vec<Vec<Value>>> {
        let columns: Vec<Vec<Value>> = lists.iter().map(|list| self.items_apart(list)).collect::<Option<_>>()?;
        let count = columns.iter().map(Vec::len).min().filter(|count| (1..=MOST_CALLS).contains(count))?;
        (0..count)
            .map(|at| {
                let row: Vec<Value> = columns.iter().filter_map(|column| column.get(at).cloned()).collect();
                match (spread, row.as_slice()) {
                    (true, [item]) => self.items_apart(item),
                    _ => Some(row),
                }
            })
            .collect()
    }

    /// Calls a function with each of some arguments, so many at a time: those that need the most are at work together.
    fn each_at_once(
        &mut self,
        function: &Value,
        rows: Vec<Vec<Value>>,
        workers: &Amount,
        processes: bool,
        node: &impl Ranged,
    ) -> super::machine::Eval {
        let count = rows.len();
        let mut results = Vec::with_capacity(count);
        let mut besides: Vec<Bytes> = Vec::with_capacity(count);
        for row in rows {
            let (value, beside) = self.apart(|machine| machine.call_value(function, Arguments::positional(row), node));
            let value = value?;
            self.state.keep(&value);
            results.push(value);
            besides.push(beside);
        }
        let besides = largest_first(besides);
        let most = workers.as_usize().unwrap_or(count).clamp(1, count);
        if processes && let Some(largest) = besides.first() {
            self.child_processes(function, &Amount::from(most), largest, node);
        }
        self.state.peak_with(&together(&besides, most));
        let list = self.tuple_of(results.clone(), node);
        for value in &results {
            self.state.unkeep(value);
        }
        Ok(list)
    }

    fn pool_method(
        &mut self,
        method: &str,
        receiver: &Value,
        arguments: &Arguments,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        let object = self.state.object_of(receiver).cloned();
        let workers =
            object.as_ref().and_then(|object| object.features.get("<workers>").cloned()).unwrap_or(Amount::ONE);
        let processes = object.is_some_and(|object| object.features.contains_key("<processes>"));
        let Some(function) = arguments.positional.first().cloned() else { return Ok(Some(Value::NONE)) };
        Ok(Some(match method {
            "map" | "imap" | "imap_unordered" | "starmap" | "map_async" => {
                let lists = arguments.positional.get(1..).unwrap_or_default().to_vec();
                let times = match lists.first() {
                    Some(items) => self.length(items, node),
                    None => None,
                };
                let times = match times {
                    Some(times) => times,
                    None => self.quantity(
                        node,
                        "calls",
                        UnknownKind::TripCount,
                        "how many items there are is not known",
                        None,
                    ),
                };
                if let Some(rows) = self.rows_apart(&lists, method == "starmap") {
                    return self.each_at_once(&function, rows, &workers, processes, node).map(Some);
                }
                let mut items = Vec::new();
                for list in &lists {
                    let item = self.sample(list).unwrap_or(Value::NONE);
                    items.push(match item {
                        Value::Plain(plain @ (Plain::Int(_) | Plain::Float(_))) => super::containers::blurred(&plain),
                        other => other,
                    });
                }
                if method == "starmap"
                    && let Some(item) = items.first()
                    && let Some(parts) = self.items_apart(item)
                {
                    items = parts;
                }
                let value = self.call_at_once(&function, items, &times, &workers, processes, node)?;
                self.many(Kind::List, times, value, node)
            }
            "submit" | "apply_async" | "apply" => {
                let mut rest = arguments.positional.get(1..).unwrap_or_default().to_vec();
                if method != "submit" {
                    rest = rest.first().and_then(|items| self.items_apart(items)).unwrap_or_default();
                }
                if method == "apply" {
                    return self.call_at_once(&function, rest, &Amount::ONE, &workers, processes, node).map(Some);
                }
                // As many run at once as there are workers, once so many were submitted. In a loop that is not run round by
                // round nobody counts them.
                let submitted =
                    match self.state.object_of(receiver).and_then(|object| object.features.get("<submitted>")) {
                        _ if self.summing > 0 || self.repeated > 0 => workers.clone(),
                        Some(before) => before + &Amount::ONE,
                        None => Amount::ONE,
                    };
                if let Some(id) = receiver.object() {
                    let submitted = submitted.clone();
                    self.state.note(id, |object| {
                        object.features.insert(Text::from("<submitted>"), submitted);
                    });
                }
                let value = self.call_at_once(&function, rest, &submitted, &workers, processes, node)?;
                let kind = Kind::Named(Text::from("concurrent.futures.Future"));
                // A future with its condition, lock and lists of callbacks.
                let mut future = Object::new(kind, super::sizes::object(900));
                future.fields.insert(Text::from("<result>"), value);
                self.allocate(future, node)
            }
            _ => Value::NONE,
        }))
    }
}

/// The size of a known value as JSON.
fn json_of(plain: &Plain, style: &Style, level: i128) -> Json {
    let known = |length: usize, new: bool| Json::scalar(Amount::from(length), new);
    match plain {
        Plain::None => known(4, false),
        Plain::Bool(value) => known(if *value { 4 } else { 5 }, false),
        Plain::Str(text) => {
            let length: usize = text.chars().map(|c| json_character(c, style.ascii)).sum();
            known(length + 2, true)
        }
        Plain::List(items) | Plain::Tuple(items) | Plain::Set(items) => {
            let mut total = Json::container(Amount::ZERO);
            let mut scalars = 0_usize;
            for item in items.iter() {
                let item = json_of(item, style, level + 1);
                scalars += usize::from(item.is_scalar());
                total.add(&Amount::ZERO, &item);
            }
            total.space(&Amount::from(items.len()), Some(&Amount::from(scalars)), style, level);
            total
        }
        Plain::Dict(items) => {
            let own = Amount::from(items.len());
            let mut total = Json::container(own.clone());
            for (key, item) in items.iter() {
                total.add(&own, &json_of(key, style, level).named(matches!(key, Plain::Str(_)), style));
                total.add(&own, &json_of(item, style, level + 1));
            }
            total.space(&own, None, style, level);
            total
        }
        other => {
            let length = other.repr().chars().count();
            // Texts of one character are there already.
            known(length, length > 1)
        }
    }
}

/// Characters that one takes in a JSON text. Source: CPython 3.11 `Modules/_json.c` (`ascii_escape_unichar`).
pub(super) fn json_character(c: char, ascii: bool) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        ' '..='~' => 1,
        c if c < ' ' => 6,
        _ if !ascii => 1,
        c if u32::from(c) > 0xFFFF => 12,
        _ => 6,
    }
}

/// A CSV text by columns.
struct Columns {
    header: Vec<String>,
    /// Rows without the first one.
    rows: usize,
    /// Mean length of each column and mean bytes of its texts, first row left out.
    fields: Vec<(usize, Bytes)>,
    /// How many different texts each column has, where there are few.
    different: Vec<Option<usize>>,
}

/// Remembers the text that a file in memory holds, and what it is as a table: lines after the first one, and fields of the
/// first line. Contracts that read tables ask for them by these names.
fn note_content(object: &mut Object, content: Plain) {
    if let Plain::Str(text) = &content
        && let mut lines = text.lines()
        && let Some(head) = lines.next()
    {
        let rows = lines.filter(|line| !line.is_empty()).count();
        let columns = head.matches([',', ';', '\t']).count() + 1;
        object.features.insert(Text::from("<row_count>"), Amount::from(rows));
        object.features.insert(Text::from("<column_count>"), Amount::from(columns));
    }
    object.fields.insert(Text::from("<text>"), Value::Plain(content));
}

/// Reads a CSV text: commas between, fields in double quotes as they are.
fn csv_columns(text: &str) -> Columns {
    let mut header: Vec<String> = Vec::new();
    let mut totals: Vec<(usize, i128, i128)> = Vec::new();
    let mut texts: Vec<Option<BTreeSet<String>>> = Vec::new();
    let mut rows = 0_usize;
    let (mut field, mut at, mut quoted, mut first, mut any) = (String::new(), 0_usize, false, true, false);
    let mut end_field = |field: &mut String, at: usize, first: bool| {
        if first {
            header.push(field.clone());
        } else {
            if totals.len() <= at {
                totals.resize(at + 1, (0, 0, 0));
                texts.resize(at + 1, Some(BTreeSet::new()));
            }
            if let Some(slot) = texts.get_mut(at)
                && let Some(different) = slot
                && !different.contains(field.as_str())
            {
                different.insert(field.clone());
                if different.len() > 1_000 {
                    *slot = None;
                }
            }
            let length = field.chars().count();
            let width = usize::from(super::sizes::width_of(field));
            // Texts of one Latin character, and the empty one, are there already.
            let bytes = if length < 2 { 0 } else { i128::try_from(49 + length * width).unwrap_or(0) };
            if let Some(total) = totals.get_mut(at) {
                total.0 += length;
                total.1 += bytes;
                total.2 += if bytes == 0 { 0 } else { super::sizes::block(bytes) };
            }
        }
        field.clear();
    };
    for c in text.chars().chain(['\n']) {
        match c {
            '"' => {
                quoted = !quoted;
                any = true;
            }
            ',' if !quoted => {
                end_field(&mut field, at, first);
                at += 1;
                any = true;
            }
            '\n' | '\r' if !quoted => {
                if any {
                    end_field(&mut field, at, first);
                    rows += usize::from(!first);
                    first = false;
                }
                at = 0;
                any = false;
            }
            other => {
                field.push(other);
                any = true;
            }
        }
    }
    let count = i128::try_from(rows.max(1)).unwrap_or(1);
    let fields = totals
        .into_iter()
        .map(|(length, bytes, blocks)| {
            let mean = |total: i128| Amount::Int((total + count / 2) / count);
            (length / rows.max(1), Bytes { requested: mean(bytes), resident: mean(blocks) })
        })
        .collect();
    let different = texts.into_iter().map(|texts| texts.map(|texts| texts.len())).collect();
    Columns { header, rows, fields, different }
}

/// The bytes of a record of `struct`, and one value of each field. Source: CPython 3.11 `Modules/_struct.c`.
fn record(format: &str) -> Option<(usize, Vec<Value>)> {
    let native = !format.starts_with(['<', '>', '=', '!']);
    let mut size = 0_usize;
    let mut fields = Vec::new();
    let mut count: Option<usize> = None;
    for c in format.chars() {
        let each = match c {
            '<' | '>' | '=' | '!' | '@' => continue,
            c if c.is_whitespace() => continue,
            '0'..='9' => {
                let digit = usize::try_from(c.to_digit(10)?).ok()?;
                count = Some(count.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
                continue;
            }
            'x' | 'c' | 'b' | 'B' | '?' | 's' | 'p' => 1,
            'h' | 'H' | 'e' => 2,
            'i' | 'I' | 'f' => 4,
            'l' | 'L' => {
                if native {
                    8
                } else {
                    4
                }
            }
            'q' | 'Q' | 'd' | 'n' | 'N' | 'P' => 8,
            _ => return None,
        };
        let times = count.take().unwrap_or(1);
        if native && each > 1 {
            size = size.checked_add(each - 1)? / each * each;
        }
        size = size.checked_add(each.checked_mul(times)?)?;
        match c {
            'x' => {}
            's' | 'p' => fields.push(Value::Plain(Plain::bytes(vec![0; times.min(65_536)]))),
            'c' => fields.extend((0..times.min(1_000)).map(|_| Value::Plain(Plain::bytes(vec![0])))),
            '?' => fields.extend((0..times.min(1_000)).map(|_| Value::number(NumberKind::Bool))),
            'e' | 'f' | 'd' => fields.extend((0..times.min(1_000)).map(|_| Value::number(NumberKind::Float))),
            _ => fields.extend((0..times.min(1_000)).map(|_| Value::number(NumberKind::Int))),
        }
    }
    Some((size, fields))
}

/// Groups of a pattern that are numbered.
fn groups(pattern: &str) -> usize {
    let mut count = 0;
    let mut characters = pattern.chars().peekable();
    let (mut set, mut escaped) = (false, false);
    while let Some(c) = characters.next() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = true,
            '[' => set = true,
            ']' => set = false,
            '(' if !set => {
                let rest: String = characters.clone().take(3).collect();
                count += usize::from(!rest.starts_with('?') || rest.starts_with("?P<"));
            }
            _ => {}
        }
    }
    count
}

/// Characters that a match has at least: those of the pattern that stand for themselves and are not optional.
fn least_length(pattern: &str) -> usize {
    // Groups that may be absent, and those with a sign behind the bracket, are not looked into.
    if ["(?", ")?", ")*", "){"].iter().any(|part| pattern.contains(part)) {
        return 1;
    }
    // A group of alternatives has at least one character, or is taken to have.
    let mut plain = String::new();
    for part in pattern.split('(') {
        match part.split_once(')') {
            Some((group, rest)) => {
                plain.push_str(if group.contains('|') { "x" } else { group });
                plain.push_str(rest);
            }
            None => plain.push_str(part),
        }
    }
    if plain.contains('|') {
        return 1;
    }
    let pattern = plain.as_str();
    let mut count = 0_usize;
    let mut characters = pattern.chars().peekable();
    let mut set = false;
    while let Some(c) = characters.next() {
        match c {
            '\\' => {
                let class = characters.next();
                count += usize::from(!set && !matches!(class, Some('b' | 'B' | 'A' | 'Z')));
            }
            '[' => set = true,
            ']' => {
                set = false;
                count += 1;
            }
            '*' | '?' if !set => count = count.saturating_sub(1),
            '{' => return 1,
            '^' | '$' | '+' => {}
            _ if !set => count += 1,
            _ => {}
        }
    }
    count
}
