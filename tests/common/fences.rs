//! Markdown files of cases: a heading of the second level a case, fenced blocks with what it is made of.

/// A fenced block: its kind, its text, and where its text stands in the file.
pub struct Fence {
    pub kind: String,
    pub text: String,
    pub range: std::ops::Range<usize>,
}

/// The cases of a file: their titles, and their blocks.
pub fn sections(markdown: &str) -> Vec<(String, Vec<Fence>)> {
    let mut sections: Vec<(String, Vec<Fence>)> = Vec::new();
    let mut open: Option<(String, usize)> = None;
    let mut at = 0;
    for line in markdown.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let trimmed = line.trim_end();
        match (&open, trimmed.strip_prefix("```")) {
            (None, Some(kind)) => open = Some((kind.to_owned(), at)),
            (Some((kind, from)), Some("")) => {
                let fence = Fence { kind: kind.clone(), text: markdown[*from..start].to_owned(), range: *from..start };
                if let Some((_, fences)) = sections.last_mut() {
                    fences.push(fence);
                }
                open = None;
            }
            (None, None) => {
                if let Some(title) = trimmed.strip_prefix("## ") {
                    sections.push((title.to_owned(), Vec::new()));
                }
            }
            _ => {}
        }
    }
    sections
}
