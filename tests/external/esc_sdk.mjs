// The official TypeScript client for environments against a real server: every method of its EscApi.
//
// Takes the server's address, a token and the folder of the npm packages. Says which methods were called, as JSON. The
// client's constructor drops the port of its base path, so its raw client is replaced by one that keeps it.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const [url, token, modules] = process.argv.slice(2);
const esc = createRequire(`${modules}/`)("@pulumi/esc-sdk/esc");
const [org, project, name] = ["pulumi", "node", "main"];
const at = [org, project, name];
const secret = "node-planted-secret";
const text = `# kept
imports:
  - node/base
values:
  list: [1, two, {x: 1.5}]
  nothing: null
  second: \${list[1]}
  password:
    fn::secret: ${secret} # why
  environmentVariables:
    FIRST: \${base}
  pulumiConfig:
    aws:region: eu-west-1
`;

const raw = new esc.EscApi(new esc.Configuration({ basePath: url, accessToken: token }));
raw.rawApi = new esc.EscRawApi(new esc.Configuration({ basePath: `${url}/api/esc`, accessToken: token }));
const called = new Set();
const client = new Proxy(raw, {
  get(target, key) {
    if (typeof target[key] === "function") called.add(key);
    return Reflect.get(target, key);
  },
});

async function refused(status, call) {
  await assert.rejects(call, (error) => {
    assert.equal(error.response?.status, status, error);
    assert.equal(error.response.data.code, status);
    return true;
  });
}

async function definitions() {
  await client.createEnvironment(org, project, "base");
  await client.createEnvironment(...at);
  await refused(409, () => client.createEnvironment(...at));
  const empty = await client.openAndReadEnvironment(...at);
  assert.deepEqual(empty, { environment: {}, values: {} });
  assert.deepEqual(await client.updateEnvironment(org, project, "base", { values: { base: "from below" } }), {});
  assert.deepEqual(await client.updateEnvironmentYaml(...at, text), {});
  const stored = await client.getEnvironment(...at);
  assert.ok(stored.yaml.startsWith("# kept\n") && stored.yaml.includes("# why") && !stored.yaml.includes(secret));
  assert.deepEqual(stored.definition.imports, ["node/base"]);
  assert.ok(stored.definition.values.password["fn::secret"].ciphertext);
  const clear = await client.decryptEnvironment(...at);
  assert.equal(clear.yaml, text);
  assert.equal(clear.definition.values.password["fn::secret"], secret);
  await client.updateEnvironmentYaml(...at, stored.yaml);
  // The first revision is `{}`, which the client's HTTP library takes for JSON.
  assert.equal((await client.getEnvironmentAtVersion(...at, "2")).yaml, stored.yaml);
  const listed = (await client.listEnvironments(org)).environments.map((e) => `${e.project}/${e.name}`);
  assert.ok(listed.includes("node/main") && listed.includes("node/base"), listed);
}

async function values() {
  const { id } = await client.openEnvironment(...at);
  const { environment, values: opened } = await client.readOpenEnvironment(...at, id);
  assert.deepEqual(opened, {
    base: "from below",
    environmentVariables: { FIRST: "from below" },
    list: [1, "two", { x: 1.5 }],
    nothing: null,
    password: secret,
    pulumiConfig: { "aws:region": "eu-west-1" },
    second: "two",
  });
  assert.equal(environment.properties.password.secret, true);
  for (const [path, expected] of [["password", secret], ["list[2].x", 1.5], ['pulumiConfig["aws:region"]', "eu-west-1"]]) {
    assert.equal((await client.readOpenEnvironmentProperty(...at, id, path)).value, expected);
  }
  await refused(404, () => client.readOpenEnvironmentProperty(...at, id, "no.such"));
  await refused(404, () => client.readOpenEnvironment(org, project, "base", id));
  const first = await client.openEnvironmentAtVersion(...at, "1");
  assert.deepEqual((await client.readOpenEnvironment(...at, first.id)).environment, {});
}

async function checks() {
  const good = await client.checkEnvironmentYaml(org, "values:\n  l: [7]\n  b: x-${l[0]}\n");
  assert.equal(good.diagnostics, undefined);
  assert.equal(good.properties.b.value, "x-7");
  const bad = await client.checkEnvironment(org, { values: { a: "${nope}" } });
  assert.deepEqual(
    bad.diagnostics.map((d) => [d.summary, d.path, d.range.environment]),
    [['unknown property "nope"', "values.a", "<yaml>"]],
  );
  const updated = await client.updateEnvironmentYaml(...at, "values:\n  a: ${nope}\n").catch((error) => error.response.data);
  assert.equal(updated.diagnostics[0].range.environment, "node/main");
}

async function revisions() {
  const every = await client.listEnvironmentRevisions(...at);
  assert.deepEqual(every.map((r) => r.number), [3, 2, 1]);
  assert.deepEqual((await client.listEnvironmentRevisions(...at, 3, 1)).map((r) => r.number), [2]);
  await client.createEnvironmentRevisionTag(...at, "alpha", 2);
  const names = async (...page) =>
    (await client.listEnvironmentRevisionTags(...at, ...page)).tags.map((t) => [t.name, t.revision]);
  assert.deepEqual(await names(), [["latest", 3], ["alpha", 2]]);
  assert.deepEqual(await names(undefined, 1), [["latest", 3]]);
  assert.deepEqual(await names("latest", 1), [["alpha", 2]]);
  assert.deepEqual(await names("alpha", 1), []);
  await client.updateEnvironmentRevisionTag(...at, "alpha", 1);
  assert.equal((await client.getEnvironmentRevisionTag(...at, "alpha")).revision, 1);
  assert.deepEqual((await client.openAndReadEnvironmentAtVersion(...at, "alpha")).values, {});
  await client.deleteEnvironmentRevisionTag(...at, "alpha");
  await refused(404, () => client.getEnvironmentRevisionTag(...at, "alpha"));
  await refused(400, () => client.deleteEnvironmentRevisionTag(...at, "latest"));
}

async function tags() {
  await client.createEnvironmentTag(...at, "owner", "ops");
  await refused(409, () => client.createEnvironmentTag(...at, "owner", "ops"));
  assert.equal((await client.listEnvironmentTags(...at)).tags.owner.value, "ops");
  await client.updateEnvironmentTag(...at, "owner", "ops", "team", "web");
  assert.equal((await client.getEnvironmentTag(...at, "team")).value, "web");
  await client.deleteEnvironmentTag(...at, "team");
  assert.deepEqual((await client.listEnvironmentTags(...at)).tags, {});
}

async function copies() {
  await client.cloneEnvironment(...at, project, "copy");
  await client.cloneEnvironment(...at, "twins", name, { preserveHistory: true, preserveAccess: true });
  assert.equal((await client.listEnvironmentRevisions(org, project, "copy")).length, 1);
  assert.equal((await client.listEnvironmentRevisions(org, "twins", name)).length, 3);
  assert.equal((await client.openAndReadEnvironment(org, "twins", name)).values.password, secret);
  for (const [p, n] of [[project, "copy"], ["twins", name], [project, name]]) await client.deleteEnvironment(org, p, n);
  await refused(404, () => client.getEnvironment(...at));
}

for (const step of [definitions, values, checks, revisions, tags, copies]) await step();
const methods = Object.getOwnPropertyNames(esc.EscApi.prototype).filter((method) => method !== "constructor");
assert.deepEqual(methods.filter((method) => !called.has(method)), []);
console.log(JSON.stringify(methods.sort()));
