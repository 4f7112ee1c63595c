// An OAuth 2.0 server on the loopback interface that keeps everything in memory.
// The protocol is all oidc-provider's; here are only its settings. They come from
// the environment:
//
//   OAUTHPEER_PORT          the port; default 0: a free one
//   OAUTHPEER_LIFE          the life of an access token in seconds; default 600
//   OAUTHPEER_SECRET        the secret of all clients but queueferry-assertion; default "secret"
//   OAUTHPEER_TOKENS        opaque or jwt; default opaque
//   OAUTHPEER_AUTH_METHODS  the ways to send a secret that it knows, with a comma
//                           between them; default client_secret_post,client_secret_basic
//
// Once it listens it prints a line of JSON with its addresses.

import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const env = process.env;
const life = Number(env.OAUTHPEER_LIFE ?? 600);
const secret = env.OAUTHPEER_SECRET ?? 'secret';
const tokens = env.OAUTHPEER_TOKENS ?? 'opaque';
const methods = (env.OAUTHPEER_AUTH_METHODS ?? 'client_secret_post,client_secret_basic').split(',');

const scopes = ['OR.Queues', 'OR.Jobs'];
const resource = 'urn:queueferry:orchestrator';

function client(id, method, change = {}) {
  return {
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: method,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    scope: scopes.join(' '),
    ...change,
  };
}

const clients = [
  client('queueferry-post', 'client_secret_post'),
  client('queueferry-basic', 'client_secret_basic'),
  // An id that HTTP Basic cannot carry as it is.
  client('queue:ferry 100%+&=/~', methods[0]),
  // One that may ask for less than the others.
  client('queueferry-jobs', methods[0], { scope: 'OR.Jobs' }),
  // One that has to sign an assertion: for it every secret is the wrong method.
  client('queueferry-assertion', 'client_secret_jwt', { client_secret: 'of no use to anybody who sends it' }),
].filter((c) => c.token_endpoint_auth_method === 'client_secret_jwt' || methods.includes(c.token_endpoint_auth_method));

const configuration = {
  clients,
  clientAuthMethods: [...methods, 'client_secret_jwt'],
  scopes,
  ttl: { ClientCredentials: life },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: tokens === 'jwt',
      defaultResource: () => resource,
      getResourceServerInfo: () => ({
        scope: scopes.join(' '),
        accessTokenFormat: 'jwt',
        accessTokenTTL: life,
      }),
    },
  },
};

const server = createServer();
server.listen(Number(env.OAUTHPEER_PORT ?? 0), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', new Provider(issuer, configuration).callback());
  console.log(JSON.stringify({
    issuer,
    token: `${issuer}/token`,
    revocation: `${issuer}/token/revocation`,
    introspection: `${issuer}/token/introspection`,
  }));
});
