// The test suite that comes with the TypeScript client, as it is published, against a real server.
//
// Takes the server's address, a token and the folder of the npm packages. The client's constructor drops the port of its
// base path, so the raw client of its default client is replaced by one that keeps it.

const [url, token, modules] = process.argv.slice(2);
const esc = require(`${modules}/@pulumi/esc-sdk/esc`);
process.env.PULUMI_ORG = "pulumi";
esc.DefaultClient = () => {
  const client = new esc.EscApi(new esc.Configuration({ basePath: url, accessToken: token }));
  client.rawApi = new esc.EscRawApi(new esc.Configuration({ basePath: `${url}/api/esc`, accessToken: token }));
  return client;
};
require(`${modules}/@pulumi/esc-sdk/test/client.spec.js`);
