//! The sources of a crate as modules: what each declares and imports, and which paths it names.
//!
//! Tests are left out. Macro calls and macro definitions are searched for paths and texts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Lit, Type, UseTree, Visibility};

/// The path of a module, or of an item in it, from its crate's root.
pub type Names = Vec<String>;

/// A crate's modules by path.
pub struct Crate {
    pub modules: BTreeMap<Names, Module>,
}

/// A module: the content of a file, or of an inline block in it.
#[derive(Default)]
pub struct Module {
    /// The module of the whole file.
    pub of_file: Names,
    children: BTreeSet<String>,
    /// Its declarations except modules.
    items: BTreeSet<String>,
    /// Its imports and exports, by their local name.
    imports: BTreeMap<String, Names>,
    globs: Vec<Names>,
    /// The types that it adds methods to or implements traits for.
    extends: BTreeSet<String>,
    /// The paths that its code names, as written, without exports.
    pub named: Vec<Names>,
    /// The texts in it: each separately, and those of one macro call together.
    pub texts: Vec<String>,
}

/// The target of a path.
pub struct Found {
    /// The module that declares it, regardless of re-exports.
    pub module: Names,
    /// Its name there; `None` for the module itself.
    pub item: Option<String>,
}

impl Crate {
    /// Reads the crate with this root file.
    pub fn read(root: &Path) -> Self {
        Self::read_module(root, Vec::new())
    }

    /// Reads the module with this file and the modules below it. Paths that lead out of it cannot be resolved.
    pub fn read_module(file: &Path, path: Names) -> Self {
        let mut read = Self {
            modules: BTreeMap::new(),
        };
        read.file(file, path);
        read
    }

    /// A crate with one file per module, for the tests of these checks.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut read = Self {
            modules: BTreeMap::new(),
        };
        for (path, text) in files {
            let path: Names = path
                .split("::")
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect();
            let file = syn::parse_file(text).unwrap();
            read.items(file.items, &path, &path, Path::new("made up"));
        }
        read
    }

    fn file(&mut self, file: &Path, path: Names) {
        let text = std::fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.items(parsed.items, &path, &path, file);
    }

    fn items(&mut self, items: Vec<Item>, path: &Names, of_file: &Names, file: &Path) {
        let mut module = Module {
            of_file: of_file.clone(),
            ..Module::default()
        };
        for item in items {
            if is_test(attributes(&item)) {
                continue;
            }
            match item {
                Item::Mod(inner) => {
                    let name = inner.ident.to_string();
                    module.children.insert(name.clone());
                    let below: Names = path.iter().cloned().chain([name.clone()]).collect();
                    match inner.content {
                        Some((_, items)) => self.items(items, &below, of_file, file),
                        None if file.is_file() => self.file(&module_file(file, &name), below),
                        None => {}
                    }
                }
                Item::Use(import) => {
                    let exports = !matches!(import.vis, Visibility::Inherited);
                    module.import(&import.tree, &mut Vec::new(), exports);
                }
                item => module.read(&item),
            }
        }
        self.modules.insert(path.clone(), module);
    }

    /// Resolves a path in this module, if it stays within the crate.
    pub fn resolve(&self, from: &Names, path: &[String]) -> Option<Found> {
        self.walk(from, path, true, 0)
    }

    fn walk(&self, from: &Names, path: &[String], relative: bool, depth: usize) -> Option<Found> {
        // `use clap;` resolves to itself, and the globs of two modules may form a loop.
        if depth > 16 {
            return None;
        }
        let (mut at, mut rest) = (from.clone(), path);
        let mut is_certain = !relative;
        match rest.first().map(String::as_str) {
            Some("crate") => (at, rest, is_certain) = (Vec::new(), &rest[1..], true),
            Some("self") => (rest, is_certain) = (&rest[1..], true),
            _ => {
                while rest.first().is_some_and(|name| name == "super") {
                    at.pop();
                    (rest, is_certain) = (&rest[1..], true);
                }
            }
        }
        while let [name, below @ ..] = rest {
            let module = self.modules.get(&at)?;
            if module.children.contains(name) {
                at.push(name.clone());
                (rest, is_certain) = (below, true);
                continue;
            }
            let own = |item: &String| Found {
                module: at.clone(),
                item: Some(item.clone()),
            };
            if module.items.contains(name) {
                return Some(own(name));
            }
            if let Some(import) = module.imports.get(name) {
                let whole: Names = import.iter().chain(below).cloned().collect();
                return self.walk(&at, &whole, true, depth + 1);
            }
            let by_glob = module.globs.iter().find_map(|glob| {
                let whole: Names = glob.iter().chain(rest).cloned().collect();
                let found = self.walk(&at, &whole, true, depth + 1)?;
                let declares = |item: &String| self.modules[&found.module].items.contains(item);
                found.item.as_ref().is_some_and(declares).then_some(found)
            });
            // An item that our module does not declare was created by a macro there.
            return by_glob.or_else(|| is_certain.then(|| own(name)));
        }
        is_certain.then_some(Found { module: at, item: None })
    }

    /// Which module's file names which other module, with one path by which it does.
    pub fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (path, module) in &self.modules {
            let named = graph.entry(module.of_file.clone()).or_default();
            for name in &module.named {
                let Some(Found {
                    module: to,
                    item: Some(item),
                }) = self.resolve(path, name)
                else {
                    continue;
                };
                let to_file = &self.modules[&to].of_file;
                // A file that adds to a type of a parent module is part of that module.
                let is_part = path.starts_with(to_file) && module.extends.contains(&item);
                if *to_file != module.of_file && !is_part {
                    named.entry(to_file.clone()).or_insert_with(|| name.join("::"));
                }
            }
        }
        graph
    }
}

/// The modules that each module names, with one path by which it does.
pub type Graph = BTreeMap<Names, BTreeMap<Names, String>>;

/// Sets of modules that all lead to each other.
pub fn circles(graph: &Graph) -> Vec<BTreeSet<Names>> {
    let reached: BTreeMap<&Names, BTreeSet<&Names>> = graph.keys().map(|from| (from, reach(graph, from))).collect();
    let mut found: Vec<BTreeSet<Names>> = Vec::new();
    for (from, there) in &reached {
        if there.contains(*from) && !found.iter().any(|circle| circle.contains(*from)) {
            let back = there
                .iter()
                .filter(|to| reached.get(**to).is_some_and(|back| back.contains(*from)));
            found.push(back.map(|to| (*to).clone()).collect());
        }
    }
    found
}

fn reach<'g>(graph: &'g Graph, from: &Names) -> BTreeSet<&'g Names> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(at) = open.pop() {
        for to in graph.get(at).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(to) {
                open.push(to);
            }
        }
    }
    seen
}

/// The file of a module that this module declares.
fn module_file(file: &Path, name: &str) -> PathBuf {
    let stem = file.file_stem().unwrap();
    let folder = match ["mod", "lib", "main"].iter().any(|root| stem == *root) {
        true => file.parent().unwrap().to_owned(),
        false => file.with_extension(""),
    };
    let alone = folder.join(format!("{name}.rs"));
    if alone.is_file() {
        alone
    } else {
        folder.join(name).join("mod.rs")
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_condition = attribute.path().is_ident("cfg");
        attribute.path().is_ident("test")
            || is_condition
                && attribute
                    .meta
                    .require_list()
                    .is_ok_and(|list| words(&list.tokens).any(|word| word == "test"))
    })
}

fn words(tokens: &TokenStream) -> impl Iterator<Item = String> {
    let mut found = Vec::new();
    for token in tokens.clone() {
        match token {
            TokenTree::Ident(word) => found.push(word.to_string()),
            TokenTree::Group(group) => found.extend(words(&group.stream())),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    found.into_iter()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl Module {
    fn import(&mut self, tree: &UseTree, before: &mut Names, exports: bool) {
        let mut add = |name: String, path: Names| {
            if !exports {
                self.named.push(path.clone());
            }
            self.imports.insert(name, path);
        };
        match tree {
            UseTree::Path(step) => {
                before.push(step.ident.to_string());
                self.import(&step.tree, before, exports);
                before.pop();
            }
            UseTree::Name(last) if last.ident == "self" => {
                add(before.last().cloned().unwrap_or_default(), before.clone());
            }
            UseTree::Name(last) => add(last.ident.to_string(), joined(before, &last.ident.to_string())),
            UseTree::Rename(last) if last.ident == "self" => add(last.rename.to_string(), before.clone()),
            UseTree::Rename(last) => add(last.rename.to_string(), joined(before, &last.ident.to_string())),
            UseTree::Glob(_) => self.globs.push(before.clone()),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before, exports);
                }
            }
        }
    }

    fn read(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Union(item) => Some(&item.ident),
            Item::Impl(item) => {
                if let Type::Path(of) = &*item.self_ty {
                    self.extends
                        .extend(of.path.segments.last().map(|last| last.ident.to_string()));
                }
                None
            }
            _ => None,
        };
        self.items.extend(name.map(ToString::to_string));
        self.visit_item(item);
    }

    /// The paths and texts in the arguments of a macro.
    fn tokens(&mut self, tokens: &TokenStream, texts: &mut Vec<String>) {
        let mut path = Names::new();
        let mut colons = 0;
        let mut follows_name = false;
        for token in tokens.clone() {
            match &token {
                TokenTree::Ident(name) => {
                    if colons != 2 || path.is_empty() {
                        self.name(&mut path);
                    }
                    path.push(name.to_string());
                    (colons, follows_name) = (0, true);
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && (follows_name || colons == 1) => {
                    colons += 1;
                    follows_name = false;
                    continue;
                }
                TokenTree::Group(group) => {
                    // `a::{b, c}` does not occur in expressions, but paths may begin in the braces.
                    self.name(&mut path);
                    let mut inner = Vec::new();
                    self.tokens(&group.stream(), &mut inner);
                    if group.delimiter() != Delimiter::Brace {
                        texts.append(&mut inner);
                    } else {
                        self.texts.append(&mut inner);
                    }
                }
                TokenTree::Literal(literal) => {
                    if let Ok(Lit::Str(text)) = syn::parse_str(&literal.to_string()) {
                        texts.push(text.value());
                    }
                    self.name(&mut path);
                }
                TokenTree::Punct(_) => self.name(&mut path),
            }
            (colons, follows_name) = (0, false);
        }
        self.name(&mut path);
    }

    fn name(&mut self, path: &mut Names) {
        if !path.is_empty() {
            self.named.push(std::mem::take(path));
        }
    }
}

fn joined(before: &Names, name: &str) -> Names {
    before.iter().cloned().chain([name.to_owned()]).collect()
}

impl<'ast> Visit<'ast> for Module {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.named
                .push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.visit_path(&called.path);
        let mut texts = Vec::new();
        self.tokens(&called.tokens, &mut texts);
        self.texts.push(texts.concat());
        self.texts.push(texts.join(" "));
        self.texts.append(&mut texts);
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        // Within a function.
        self.import(&import.tree, &mut Vec::new(), false);
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.texts.push(text.value());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        // Documentation is not code; arguments of other attributes may name items.
        if let Ok(list) = attribute.meta.require_list() {
            self.tokens(&list.tokens, &mut Vec::new());
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }
}
