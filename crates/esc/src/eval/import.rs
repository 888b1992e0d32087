//! Imports: loading, evaluating each name once, cycles, and the order in which they merge.

use super::arena::{Exp, Expr, Key, Kind, PathStep, State, Val};
use super::{DecrypterRef, Env, Environment, Evaluator};
use crate::ast::{self, Access, Accessor, Expr as Ast, ExprKind as AstKind, ExprRef, Step};
use crate::diag::{Diagnostic, has_errors};
use crate::gotext::quote;
use crate::host::ExecContext;
use crate::schema::{self, always};
use crate::sorted::Sorted;
use std::rc::Rc;
use std::sync::Arc;

/// An import, in progress or done.
pub(super) struct Imported {
    evaluating: bool,
    value: Option<Val>,
}

/// Keys of `values` that mean something else in references.
const RESERVED: [&str; 3] = ["imports", "context", "environments"];

impl<'a> Evaluator<'a> {
    /// Evaluates an environment. `declared` is the name under which it is imported.
    pub(super) fn environment(
        &mut self,
        declared: &str,
        name: &str,
        decl: &ast::Environment,
        decrypter: DecrypterRef<'a>,
        importer: Option<Env>,
    ) -> (Env, Val) {
        self.imports.insert(declared.to_owned(), Imported { evaluating: true, value: None });
        let env = self.begin(name, decrypter, importer);
        self.import_all(env, &decl.imports);
        let root = self.declare_root(env, decl);
        self.environments[env.0].root = root;
        let value = self.evaluate(env, root, &always());
        if let Some(imported) = self.imports.get_mut(declared) {
            imported.evaluating = false;
            imported.value = Some(value);
        }
        (env, value)
    }

    /// An environment with its context, and nothing else yet.
    fn begin(&mut self, name: &str, decrypter: DecrypterRef<'a>, importer: Option<Env>) -> Env {
        let name: Arc<str> = Arc::from(name);
        let outer: &ExecContext = match importer {
            Some(importer) => &self.environments[importer.0].context,
            None => self.world.context,
        };
        let context = outer.within(&name);
        let level = importer.map_or(0, |importer| self.environments[importer.0].level + 1);
        let symbol = self.symbol("context");
        let whole = crate::value::Value::new(crate::value::Repr::Object(context.values().clone()));
        let my_context = self.unexport(&whole, symbol);
        let imports = self.symbol("imports");
        self.arena[imports].state = State::Done;
        let my_imports = self.object_of(imports, Sorted::default());
        let environment = Environment {
            name,
            is_root: importer.is_none(),
            decrypter,
            context,
            my_context,
            my_imports,
            root: imports,
            base: None,
            level,
        };
        self.environments.push(environment);
        Env(self.environments.len() - 1)
    }

    /// A reference that stands nowhere.
    fn symbol(&mut self, name: &str) -> Exp {
        let accessors = vec![Accessor { step: Step::Name(name.to_owned()), range: None }];
        let node = Ast::synthetic(AstKind::Symbol(Access { accessors }));
        self.arena.add_expr(Expr::new(node, Kind::Symbol, always(), None))
    }

    fn import_all(&mut self, env: Env, imports: &[ast::Import]) {
        let mut values: Vec<(Key, Val)> = Vec::with_capacity(imports.len());
        for import in imports {
            let Some(node) = &import.name else { continue };
            let AstKind::String(name) = &node.kind else { continue };
            let Some(value) = self.import(env, node, name) else { continue };
            // An import that comes again has the same value.
            values.push((name.clone(), value));
            if import.merge {
                // A copy, so that merging changes nothing for other importers.
                let copy = self.copy(value);
                let below = self.environments[env.0].base;
                self.merge(copy, below);
                if self.too_deep(copy, node) {
                    return;
                }
                self.environments[env.0].base = Some(copy);
            }
        }
        let def = self.arena[self.environments[env.0].my_imports].def;
        let my_imports = self.object_of(def, values.into_iter().collect());
        self.arena[def].schema = self.arena[my_imports].schema.clone();
        self.arena[def].value = Some(my_imports);
        self.environments[env.0].my_imports = my_imports;
    }

    fn too_deep(&mut self, value: Val, node: &ExprRef) -> bool {
        let most = self.options.limits.value_depth;
        let deep = self.arena[value].height > most;
        if deep {
            self.error(node, format!("the imports merge to a value of more than {most} levels"));
        }
        deep
    }

    /// The value of an import; none if it cannot be had, of which a diagnostic tells.
    pub(super) fn import(&mut self, env: Env, node: &ExprRef, name: &str) -> Option<Val> {
        let importer = &self.environments[env.0];
        if let Err(summary) = self.world.loader.authorize(&importer.name.clone(), name, importer.is_root) {
            self.error(node, summary);
            return None;
        }
        if let Some(known) = self.imports.get(name) {
            if known.evaluating {
                self.error(node, format!("cyclic import of {name}"));
                return None;
            }
            return known.value;
        }
        self.within_bounds(env, node)?;
        let loaded = match self.world.loader.document(name, &self.options.limits) {
            Ok(loaded) => loaded,
            Err(summary) => {
                self.error(node, summary);
                return None;
            }
        };
        for diagnostic in &loaded.parsed.diagnostics {
            self.say(diagnostic.clone());
        }
        let decl = loaded.parsed.environment.as_ref().filter(|_| !has_errors(&loaded.parsed.diagnostics))?;
        let (_, value) = self.environment(name, &loaded.name, decl, DecrypterRef::Import(loaded.decrypter), Some(env));
        Some(value)
    }

    fn within_bounds(&mut self, env: Env, node: &ExprRef) -> Option<()> {
        let limits = &self.options.limits;
        let (most, deepest) = (limits.imports, limits.import_depth);
        if self.loaded >= most {
            self.error(node, format!("more than {most} environments are imported"));
            return None;
        }
        if self.environments[env.0].level >= deepest {
            self.error(node, format!("imports are nested more than {deepest} levels deep"));
            return None;
        }
        self.loaded += 1;
        Some(())
    }

    /// The root expression: the entries of `values`, over what is imported.
    fn declare_root(&mut self, env: Env, decl: &ast::Environment) -> Exp {
        let base = self.environments[env.0].base;
        let mut below = base.map_or(Below::Known(Vec::new()), |base| self.below_root(base, decl));
        let mut declared: Vec<Option<Exp>> = vec![None; decl.values.len()];
        let mut firsts = vec![false; decl.values.len()];
        decl.first.iter().for_each(|first| firsts[*first] = true);
        for (at, entry) in decl.values.iter().enumerate() {
            let key = &entry.key.text;
            if RESERVED.contains(&&**key) {
                self.say(Diagnostic::error(&entry.key.origin, format!("{} is a reserved key", quote(key))));
            } else if !firsts[at] {
                self.say(Diagnostic::error(&entry.key.origin, format!("duplicate key {}", quote(key))));
            } else {
                let under = match &mut below {
                    Below::Known(known) => known.get_mut(at).and_then(Option::take),
                    Below::Asked(base) => self.property(*base, &super::declare::literal(&entry.key), key),
                };
                let exp = self.declare(&entry.value, under);
                self.arena[exp].step = PathStep::Entry(key.clone());
                declared[at] = Some(exp);
            }
        }
        let in_order = decl.first.iter().filter_map(|at| Some((decl.values[*at].key.text.clone(), declared[*at]?)));
        let node = Ast::synthetic(AstKind::Object(Vec::new()));
        let kind = Kind::Object(Rc::new(Sorted::in_order(in_order.collect())));
        let root = self.arena.add_expr(Expr::new(node, kind, schema::always(), base));
        self.arena[root].step = PathStep::Environment(self.environments[env.0].name.clone());
        root
    }

    /// What the entries of `values` override.
    fn below_root(&self, base: Val, decl: &ast::Environment) -> Below {
        let names: Vec<&str> = decl.first.iter().map(|at| &*decl.values[*at].key.text).collect();
        let Some(found) = self.below(base, &names) else { return Below::Asked(base) };
        let mut below = vec![None; decl.values.len()];
        decl.first.iter().zip(found).for_each(|(at, found)| below[*at] = found);
        Below::Known(below)
    }
}

/// What entries override: found for each, or to be asked of a value that is not wholly known.
enum Below {
    Known(Vec<Option<Val>>),
    Asked(Val),
}
