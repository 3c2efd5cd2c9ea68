//! Writes workloads: TOML that the reader reads back.

use serde_json::Value as Json;

use super::Table;

/// Values of an input or variable, as they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// Values that are plain data.
    pub values: Vec<Json>,
    /// Lengths of values of which nothing else is known.
    pub lengths: Vec<u64>,
    /// The share of values that were `None`, if there were any.
    pub none: Option<f64>,
}

/// A workload that is being written.
#[derive(Clone, Debug)]
pub struct Writer {
    text: String,
}

impl Writer {
    /// Begins with what the file is, in a line.
    pub fn new(about: &str) -> Self {
        let mut writer = Self { text: String::new() };
        writer.comment(about);
        writer.text.push_str("schema = { name = \"meminterface.workload\", version = 1 }\nseed = 0\n");
        writer
    }

    /// A line for people.
    pub fn comment(&mut self, text: &str) {
        self.text.push_str("# ");
        self.text.push_str(text.replace(['\n', '\r'], " ").trim_end());
        self.text.push('\n');
    }

    /// A blank line.
    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// An entry: what it is, in lines, and its values; an entry without values is there to be filled in.
    pub fn entry(&mut self, table: Table, name: &str, about: &[String], recorded: &Recorded) {
        self.blank();
        for line in about {
            self.comment(line);
        }
        self.text.push_str(&format!("[{}.{}]\ndistribution = \"empirical\"\n", table.word(), key(name)));
        if let Some(none) = recorded.none {
            // TOML has no null.
            self.text.push_str(&format!("none = {none:.6}\n"));
        }
        if !recorded.values.is_empty() || (recorded.lengths.is_empty() && recorded.none.is_none()) {
            let values: Vec<String> = recorded.values.iter().map(toml).collect();
            self.text.push_str(&format!("values = [{}]\n", values.join(", ")));
        }
        if !recorded.lengths.is_empty() {
            let lengths: Vec<String> = recorded.lengths.iter().map(ToString::to_string).collect();
            self.text.push_str(&format!("lengths = [{}]\n", lengths.join(", ")));
        }
    }

    /// The file.
    pub fn finish(self) -> String {
        self.text
    }
}

/// A name as a key of TOML.
fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if is_bare { name.to_owned() } else { toml(&Json::String(name.to_owned())) }
}

/// A value of plain data as TOML.
fn toml(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Json::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(name, value)| format!("{} = {}", key(name), toml(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        // A JSON string is a basic string of TOML, but for one character that TOML wants escaped.
        Json::String(_) => value.to_string().replace('\u{7f}', "\\u007F"),
        Json::Null => "\"None\"".to_owned(),
        // Beyond 64 bits TOML has floats only.
        Json::Number(number) if number.as_i64().is_none() => {
            number.as_f64().map_or_else(|| "0.0".to_owned(), |number| format!("{number:e}"))
        }
        Json::Number(_) | Json::Bool(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{Recorded, Writer};
    use crate::workload::{Drawn, Source, Table, Workload};

    #[test]
    fn what_is_written_is_read_back() {
        let mut writer = Writer::new("a test\nin two lines");
        let values =
            vec![json!(3), json!(1.5), json!("a \"b\"\u{7f}"), json!(true), json!([1, "x"]), json!({"a b": 2})];
        let recorded = Recorded { values: values.clone(), lengths: vec![7], none: None };
        writer.entry(Table::Mcvs, "rows", &["what\nit is".to_owned()], &recorded);
        writer.entry(Table::Inputs, "event[\"n\"]", &[], &Recorded::default());
        let text = writer.finish();
        let read = Workload::parse(Path::new("w.toml"), &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let names: Vec<&str> = read.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["event[\"n\"]", "rows"]);
        assert_eq!(read.open().count(), 1);
        let Some(Source::Listed { items, .. }) = read.entries.get(1).map(|entry| &entry.source) else {
            panic!("{text}")
        };
        let wanted: Vec<Drawn> = values.into_iter().map(Drawn::Value).chain([Drawn::Length(7)]).collect();
        assert_eq!(*items, wanted);
    }
}
