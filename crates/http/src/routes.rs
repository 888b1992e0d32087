//! The routing table: from method and raw path to an operation.
//!
//! Paths are matched as they were sent, still encoded, so that `%2F` is part of a name and `//` stays what it is. Each
//! parameter is decoded once. This room knows paths and methods; it must never know what an operation does.

use crate::{builder::Handler, fold, gate::Gate, text};
use http::{HeaderValue, Method};
use pileus_contract::{Operation, Served};
use pileus_model::{Error, Result};
use std::collections::HashMap;

/// What the paths of older addresses lack, and what it is there.
const PROJECT: &str = "projectName";
const DEFAULT_PROJECT: &str = "default";

/// One operation, ready to be called or refused.
pub(crate) struct Route {
    /// Its declaration.
    pub operation: &'static Operation,
    /// The names of the path's parameters, in their order.
    pub params: Vec<&'static str>,
    /// How it is served; `None` where it is not.
    pub endpoint: Option<Endpoint>,
    /// Where the route is that serves it, if it is an older address of that one: its path's index.
    alias: Option<usize>,
}

/// How an operation is served.
pub(crate) struct Endpoint {
    /// The declared policy.
    pub served: &'static Served,
    /// Who may.
    pub gate: Gate,
    /// What does it.
    pub handler: Handler,
}

/// The routing table.
pub(crate) struct Routes {
    matcher: matchit::Router<usize>,
    paths: Vec<PathRoutes>,
}

struct PathRoutes {
    by_method: Vec<(Method, Route)>,
    allow: HeaderValue,
}

/// What a request's method and path lead to.
pub(crate) enum Found<'r> {
    /// This operation, with its path's parameters.
    Operation(&'r Route, Vec<(&'static str, String)>),
    /// The path exists, but not with this method; what `Allow` says.
    OtherMethods(&'r HeaderValue),
    /// Nothing has this path.
    Nothing,
}

impl Routes {
    /// The table of these operations, with the handlers of those that are served.
    ///
    /// # Errors
    /// `Internal` where two operations clash, a served one has no handler, or a handler's operation is not served.
    pub fn new(operations: &'static [Operation], mut handlers: HashMap<&'static str, Handler>) -> Result<Self> {
        let mut routes = Self { matcher: matchit::Router::new(), paths: Vec::new() };
        let mut known: HashMap<String, usize> = HashMap::new();
        for operation in operations {
            let endpoint = match &operation.served {
                Some(served) => Some(Endpoint {
                    served,
                    gate: Gate::new(operation, served)?,
                    handler: handlers
                        .remove(operation.id)
                        .ok_or_else(|| wrong(operation, "is served and has no handler"))?,
                }),
                None => None,
            };
            let (pattern, params) = pattern(operation.path);
            let index = match known.get(&pattern) {
                Some(index) => *index,
                None => {
                    routes
                        .matcher
                        .insert(&pattern, routes.paths.len())
                        .map_err(|e| wrong(operation, &e.to_string()))?;
                    known.insert(pattern, routes.paths.len());
                    routes.paths.push(PathRoutes { by_method: Vec::new(), allow: HeaderValue::from_static("") });
                    routes.paths.len() - 1
                }
            };
            let method: Method = operation.method.parse().map_err(|_| wrong(operation, "has no valid method"))?;
            routes.paths[index].add(method, Route { operation, params, endpoint, alias: None })?;
        }
        routes.join_aliases()?;
        match handlers.keys().next() {
            Some(id) => Err(Error::internal(format!("the operation {id} has a handler and is not served"))),
            None => Ok(routes),
        }
    }

    /// Tells older addresses where they are served.
    fn join_aliases(&mut self) -> Result<()> {
        let mut served = HashMap::new();
        for (index, path) in self.paths.iter().enumerate() {
            let here = path.by_method.iter().filter(|(_, route)| route.endpoint.is_some());
            served.extend(here.map(|(_, route)| (route.operation.id, index)));
        }
        for (_, route) in self.paths.iter_mut().flat_map(|path| &mut path.by_method) {
            if let Some(target) = route.operation.alias {
                let index = served.get(target).copied();
                route.alias = Some(index.ok_or_else(|| wrong(route.operation, "is an alias of what is not served"))?);
            }
        }
        Ok(())
    }

    /// What this method and this raw path lead to. A `HEAD` is served by `GET` where it is not declared itself.
    ///
    /// # Errors
    /// `Invalid` where a parameter of the path is not valid text.
    pub fn find(&self, method: &Method, path: &str) -> Result<Found<'_>> {
        let folded;
        let found = match self.matcher.at(path) {
            Ok(found) => found,
            Err(_) => {
                let Some(other) = fold::folded(path) else { return Ok(Found::Nothing) };
                folded = other;
                let Ok(found) = self.matcher.at(&folded) else { return Ok(Found::Nothing) };
                found
            }
        };
        let routes = &self.paths[*found.value];
        let Some(route) = routes.with(method) else { return Ok(Found::OtherMethods(&routes.allow)) };
        let mut params = Vec::with_capacity(route.params.len());
        for (name, (_, raw)) in route.params.iter().zip(found.params.iter()) {
            params.push((*name, text::decode(&format!("the path parameter \"{name}\""), raw.as_bytes())?));
        }
        if let Some(target) = route.alias.and_then(|index| self.paths[index].with(method)) {
            params.push((PROJECT, DEFAULT_PROJECT.to_owned()));
            params.retain(|(name, _)| target.params.contains(name));
            return Ok(Found::Operation(target, params));
        }
        Ok(Found::Operation(route, params))
    }
}

impl PathRoutes {
    /// What serves this method; `GET` serves `HEAD` where that is not declared.
    fn with(&self, method: &Method) -> Option<&Route> {
        let with = |wanted: &Method| self.by_method.iter().find(|(m, _)| m == wanted).map(|(_, route)| route);
        with(method).or_else(|| if method == Method::HEAD { with(&Method::GET) } else { None })
    }
    fn add(&mut self, method: Method, route: Route) -> Result<()> {
        if self.by_method.iter().any(|(m, _)| *m == method) {
            return Err(wrong(route.operation, "has the method and path of another one"));
        }
        self.by_method.push((method, route));
        let mut methods: Vec<&str> = self.by_method.iter().map(|(m, _)| m.as_str()).collect();
        if methods.contains(&"GET") && !methods.contains(&"HEAD") {
            methods.push("HEAD");
        }
        methods.sort_unstable();
        self.allow =
            HeaderValue::from_str(&methods.join(", ")).map_err(|e| wrong(route_of(&self.by_method), &e.to_string()))?;
        Ok(())
    }
}

fn route_of(by_method: &[(Method, Route)]) -> &'static Operation {
    by_method[0].1.operation
}

fn wrong(operation: &Operation, problem: &str) -> Error {
    Error::internal(format!("the operation {} ({} {}) {problem}", operation.id, operation.method, operation.path))
}

/// The path with its parameters numbered, so that siblings that name them differently do not clash, and their names.
fn pattern(path: &'static str) -> (String, Vec<&'static str>) {
    let mut params = Vec::new();
    let mut pattern = String::with_capacity(path.len());
    for (i, segment) in path.split('/').enumerate() {
        if i > 0 {
            pattern.push('/');
        }
        match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
            Some(name) => {
                pattern.push_str(&format!("{{p{}}}", params.len()));
                params.push(name);
            }
            None => pattern.push_str(segment),
        }
    }
    (pattern, params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, generated};
    use pileus_contract::OPERATIONS;

    fn routes() -> Result<Routes> {
        let mut builder = Builder::default();
        generated::register(&mut builder);
        Routes::new(OPERATIONS, builder.finish()?)
    }

    fn found(method: Method, path: &str) -> Result<(&'static str, Vec<(&'static str, String)>)> {
        match routes()?.find(&method, path)? {
            Found::Operation(route, params) => Ok((route.operation.id, params)),
            Found::OtherMethods(allow) => Ok(("405", vec![("Allow", allow.to_str().unwrap_or_default().to_owned())])),
            Found::Nothing => Ok(("404", Vec::new())),
        }
    }

    #[test]
    fn every_operation_is_found_at_its_own_path() -> Result<()> {
        let routes = routes()?;
        for operation in OPERATIONS {
            let path = operation.path.replace(['{', '}'], "");
            let method: Method = operation.method.parse().map_err(|_| wrong(operation, "method"))?;
            match routes.find(&method, &path)? {
                Found::Operation(route, _) if operation.alias.is_some() => {
                    assert_eq!(Some(route.operation.id), operation.alias, "{path}");
                    assert!(route.endpoint.is_some());
                }
                Found::Operation(route, params) => {
                    assert_eq!(route.operation.id, operation.id, "{path}");
                    let expected: Vec<_> = route.params.iter().map(|name| (*name, (*name).to_owned())).collect();
                    assert_eq!(params, expected);
                    assert_eq!(route.endpoint.is_some(), operation.served.is_some());
                }
                _ => return Err(wrong(operation, "is not found")),
            }
        }
        Ok(())
    }

    #[test]
    fn parameters_are_decoded_once() -> Result<()> {
        let of = |name: &str| vec![("orgName", name.to_owned()), ("teamName", "a/b".to_owned())];
        assert_eq!(found(Method::GET, "/api/orgs/acme/teams/a%2Fb")?, ("GetTeam", of("acme")));
        assert_eq!(found(Method::GET, "/api/orgs/a%252Fb/teams/a%2fb")?, ("GetTeam", of("a%2Fb")));
        assert!(found(Method::GET, "/api/orgs/%ff/teams/ops").is_err());
        assert!(found(Method::GET, "/api/orgs/%zz/teams/ops").is_err());
        Ok(())
    }

    #[test]
    fn older_addresses_are_of_the_default_project() -> Result<()> {
        let of = |project: &str| {
            vec![("orgName", "acme".to_owned()), ("envName", "prod".to_owned()), ("projectName", project.to_owned())]
        };
        let read = found(Method::GET, "/api/preview/environments/acme/prod")?;
        assert_eq!(read, ("ReadEnvironment_esc_environments", of("default")));
        assert_eq!(found(Method::HEAD, "/api/preview/environments/acme/prod")?.0, "HeadEnvironment_esc_environments");
        let (id, params) = found(Method::GET, "/api/preview/environments/acme")?;
        assert_eq!((id, params), ("ListOrgEnvironments_esc", vec![("orgName", "acme".to_owned())]));
        Ok(())
    }

    #[test]
    fn slashes_are_kept() -> Result<()> {
        for path in ["/api//user", "//api/user", "/api/user/", "/api/orgs//teams", "/", "", "*", "/api"] {
            assert_eq!(found(Method::GET, path)?.0, "404", "{path}");
        }
        Ok(())
    }

    #[test]
    fn accounts_may_come_with_bare_slashes() -> Result<()> {
        let of = |name: &str| vec![("orgName", "acme".to_owned()), ("accountName", name.to_owned())];
        let base = "/api/preview/insights/acme/accounts";
        for sent in ["aws/us-east-1", "aws%2Fus-east-1"] {
            assert_eq!(found(Method::GET, &format!("{base}/{sent}/scan"))?, ("ReadScanStatus", of("aws/us-east-1")));
        }
        assert_eq!(found(Method::GET, &format!("{base}/aws%252Fglobal"))?, ("ReadAccount", of("aws%2Fglobal")));
        assert_eq!(found(Method::GET, &format!("{base}/a%20b"))?, ("ReadAccount", of("a b")));
        Ok(())
    }

    #[test]
    fn other_methods_are_named() -> Result<()> {
        assert_eq!(found(Method::POST, "/api/user")?, ("405", vec![("Allow", "GET, HEAD".to_owned())]));
        assert_eq!(found(Method::OPTIONS, "/api/orgs/acme/teams")?.0, "405");
        let (_, allow) = found(Method::PUT, "/api/orgs/acme/teams/ops")?;
        assert_eq!(allow, vec![("Allow", "DELETE, GET, HEAD, PATCH".to_owned())]);
        Ok(())
    }

    #[test]
    fn head_is_get_unless_it_is_declared() -> Result<()> {
        assert_eq!(found(Method::HEAD, "/api/user")?.0, "GetCurrentUser");
        assert_eq!(found(Method::HEAD, "/api/stacks/acme/web")?.0, "ProjectExists");
        Ok(())
    }
}
