//! Import statements: names of modules become values.

use super::definitions::NameId;
use super::heap::{EMPTY, Field, SetId, Val};
use super::interpret::Interpreter;
use crate::project::modules::Resolution;
use rustc_hash::FxHashSet;

impl<'p> Interpreter<'p> {
    /// The module of a dotted name; runs its code.
    pub fn import(&mut self, dotted: &str) -> SetId {
        match self.project.resolve(dotted) {
            Resolution::Module(id) => {
                self.run_module(id);
                self.heap.one(Val::Module(id))
            }
            Resolution::Namespace(at) => self.heap.one(Val::Namespace(at)),
            Resolution::External => {
                let id = self.external(dotted);
                self.heap.one(Val::External(id))
            }
        }
    }

    pub fn import_from(&mut self, base: &str, attribute: &str) -> SetId {
        let full = if base.is_empty() { attribute.to_owned() } else { format!("{base}.{attribute}") };
        match self.project.resolve(base) {
            Resolution::Module(id) => {
                self.run_module(id);
                let name = self.names.id(attribute);
                let object = self.module_object(id);
                let cell = self.heap.cell(object, Field::Attribute(name));
                let raw = self.heap.read(cell);
                let mut set = self.heap.strip(raw);
                if self.heap.may_be_unbound(raw) {
                    match self.project.resolve(&full) {
                        Resolution::External => {
                            let scope = self.frame(self.module_frames[id.index()]).scope;
                            if set == EMPTY && !self.defs.scope(scope).locals.contains(&name) {
                                set = match self.star_imports.get(&id).map(Vec::as_slice) {
                                    Some([one]) => {
                                        let one = *one;
                                        self.external_attribute(one, name)
                                    }
                                    _ => {
                                        let external = self.external(&full);
                                        self.heap.one(Val::External(external))
                                    }
                                };
                            }
                        }
                        Resolution::Module(_) | Resolution::Namespace(_) => {
                            let module = self.import(&full);
                            set = self.heap.union(set, module);
                        }
                    }
                }
                set
            }
            Resolution::Namespace(_) => self.import(&full),
            Resolution::External => match self.project.resolve(&full) {
                Resolution::External => {
                    let base = if base.is_empty() { None } else { Some(self.external(base)) };
                    match base {
                        Some(base) => {
                            let name = self.names.id(attribute);
                            self.external_attribute(base, name)
                        }
                        None => {
                            let external = self.external(attribute);
                            self.heap.one(Val::External(external))
                        }
                    }
                }
                Resolution::Module(_) | Resolution::Namespace(_) => self.import(&full),
            },
        }
    }

    pub fn import_star(&mut self, base: &str) {
        match self.project.resolve(base) {
            Resolution::Module(id) => {
                self.run_module(id);
                let object = self.module_object(id);
                let all = self.names.id("__all__");
                let listed = self.heap.read_field(object, Field::Attribute(all));
                let mut wanted: Option<FxHashSet<NameId>> = None;
                for (_, val) in self.heap.vals(listed) {
                    if let Val::Object(list) = val {
                        let wanted = wanted.get_or_insert_default();
                        for (_, cell) in self.heap.fields_of(list) {
                            let set = self.heap.read(cell);
                            for (_, val) in self.heap.vals(set) {
                                if let Val::Str(name) = val {
                                    wanted.insert(name);
                                }
                            }
                        }
                    }
                }
                if let Some(stars) = self.star_imports.get(&id).cloned() {
                    let known = self.star_imports.entry(self.module).or_default();
                    for star in stars {
                        if !known.contains(&star) {
                            known.push(star);
                        }
                    }
                }
                for (field, cell) in self.heap.fields_of(object) {
                    let Field::Attribute(name) = field else { continue };
                    let public = match &wanted {
                        Some(wanted) => wanted.contains(&name),
                        None => !self.names.text(name).starts_with('_'),
                    };
                    if public {
                        let set = self.heap.read(cell);
                        let set = self.heap.strip(set);
                        if set != EMPTY {
                            self.store_name(name, set);
                        }
                    }
                }
                for name in wanted.into_iter().flatten().collect::<std::collections::BTreeSet<_>>() {
                    let full = format!("{base}.{}", self.names.text(name));
                    if self.project.resolve(&full) != Resolution::External {
                        let module = self.import(&full);
                        self.store_name(name, module);
                    }
                }
            }
            Resolution::Namespace(_) => {}
            Resolution::External => {
                let id = self.external(base);
                let known = self.star_imports.entry(self.module).or_default();
                if !known.contains(&id) {
                    known.push(id);
                }
            }
        }
    }
}
