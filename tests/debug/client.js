// VS Code's own client for tests of debug adapters, against `bosun debug --dap`. Arguments: the folder that has
// @vscode/debugadapter-testsupport, a program that starts the adapter, a plugin, an action config, and a line.
const path = require('path');
const [folder, adapter, plugin, config, line] = process.argv.slice(2);
const { DebugClient } = require(path.join(folder, 'node_modules', '@vscode', 'debugadapter-testsupport'));

async function main() {
  const client = new DebugClient(adapter, '', 'bosun');
  const launch = { plugin, action: 'pe_status', config };
  await client.start();
  await client.hitBreakpoint(launch, { path: plugin, line: Number(line) });
  const { body: { stackFrames } } = await client.stackTraceRequest({ threadId: 1 });
  console.log(`frame ${stackFrames[0].name} line ${stackFrames[0].line}`);
  const { body: { scopes } } = await client.scopesRequest({ frameId: stackFrames[0].id });
  const { body: { variables } } = await client.variablesRequest({ variablesReference: scopes[0].variablesReference });
  console.log(variables.map((variable) => `${variable.name}=${variable.value}`).filter((text) => !/^self/.test(text)).join(' '));
  const { body: { result } } = await client.evaluateRequest({ expression: 'i * 2', frameId: stackFrames[0].id, context: 'watch' });
  console.log(`watch ${result}`);
  await client.setBreakpointsRequest({ source: { path: plugin }, breakpoints: [] });
  const output = client.assertOutput('stdout', 'status: "passing"', 10000);
  await Promise.all([client.nextRequest({ threadId: 1 }), client.assertStoppedLocation('step', { line: Number(line) - 1 })]);
  await Promise.all([client.continueRequest({ threadId: 1 }), output, client.waitForEvent('terminated')]);
  console.log('terminated');
  await client.stop();
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
