//! Any text is a template with entries, no template, or a diagnostic with its place, as YAML and as JSON.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use meminterface::project::discover::{sam, serverless, template::Template};
use meminterface::project::source::with_stack;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    with_stack(|| {
        for name in ["template.yaml", "template.json", "serverless.yml"] {
            let mut diagnostics = Vec::new();
            if let Some(template) = Template::parse(Path::new(name), text.clone().into_owned(), &mut diagnostics) {
                let _ = (sam::is_template(&template), serverless::is_service(&template));
                sam::entries(&template, &mut diagnostics);
                serverless::entries(&template, &mut diagnostics);
            } else {
                assert!(!diagnostics.is_empty(), "refused in silence");
            }
            for diagnostic in diagnostics {
                assert!(diagnostic.file.is_some() && diagnostic.span.is_some(), "no place: {diagnostic}");
            }
        }
    });
});
