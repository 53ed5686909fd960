// SPDX-License-Identifier: Apache-2.0
import HTTP

/// The console at `/` of the operations port: the status page for people, without a framework.
func consolePage() -> Response {
    Response(
        status: 200,
        headers: [
            "content-type": "text/html; charset=utf-8",
            "content-security-policy":
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                + "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            "x-content-type-options": "nosniff",
        ],
        body: Array(page.utf8)
    )
}

private let page = """
    <!doctype html>
    <html lang="en"><meta charset="utf-8"><title>Serin</title>
    <meta name="viewport" content="width=device-width">
    <style>
    body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
           color: #1d2733; background: #fbfbf8 }
    h1 { font-size: 1.3rem } h2 { font-size: 1.05rem; margin-top: 2rem }
    table { border-collapse: collapse; width: 100% }
    th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd;
             vertical-align: top }
    th { font-weight: 600; color: #566 }
    .good { color: #17692d } .bad { color: #a5131b; font-weight: 600 } .warn { color: #8a5a00 }
    </style>
    <h1>Serin <span id="version"></span> <span id="ready"></span></h1>
    <p id="summary" aria-live="polite">Asking the daemon…</p>
    <h2>Models</h2><table id="models"></table>
    <h2>Checks</h2><table id="checks"></table>
    <h2>Latest events</h2><table id="events"></table>
    <script>
    const at = id => document.getElementById(id);
    const cell = (row, text, kind) => {
      const item = document.createElement('td');
      item.textContent = text ?? '';
      if (kind) item.className = kind;
      row.append(item);
    };
    const fill = (id, heads, rows) => {
      const table = at(id), head = document.createElement('tr');
      for (const text of heads) {
        const item = document.createElement('th');
        item.textContent = text;
        head.append(item);
      }
      table.replaceChildren(head, ...rows);
    };
    const row = cells => {
      const item = document.createElement('tr');
      for (const [text, kind] of cells) cell(item, text, kind);
      return item;
    };
    const mib = bytes => bytes == null ? 'none' : (bytes / 1048576).toFixed(1) + ' MiB';
    async function refresh() {
      try {
        const status = await (await fetch('/v1/status')).json();
        at('version').textContent = status.version;
        at('ready').textContent = status.ready ? 'ready' : 'not ready';
        at('ready').className = status.ready ? 'good' : 'bad';
        const memory = status.memory;
        at('summary').textContent = `up ${Math.round(status.uptime_seconds)} s, resident ` +
          `${mib(memory.resident_bytes)}, budget ${mib(memory.budget_bytes)}, limit ${mib(memory.limit_bytes)}` +
          (memory.limit_source ? ` (${memory.limit_source})` : '');
        const models = [];
        for (const model of status.models) {
          for (const version of model.versions) {
            const fine = version.source === 'model';
            models.push(row([[model.name], [version.version + (version.active ? ' (active)' : '')],
              [version.source + (version.guard === 'ok' ? '' : ' (' + version.guard + ')'), fine ? 'good' : 'bad'],
              [version.canary.verdict, version.canary.verdict === 'passing' ? 'good' : 'bad'],
              [version.breaker.state, version.breaker.state === 'closed' ? 'good' : 'warn'],
              [version.requests.model + ' / ' + version.requests.fallback],
              [model.override ? model.override.mode + ' by ' + model.override.by : '', 'warn']]));
          }
          for (const refusal of model.refused)
            models.push(row([[model.name], [refusal.version], ['refused: ' + refusal.reason, 'bad']]));
        }
        fill('models', ['model', 'version', 'answered by', 'canary', 'breaker', 'rows model / fallback', 'override'], models);
        fill('checks', ['check', '', 'message'], status.checks.map(check => row([[check.name],
          check.ok ? ['ok', 'good'] : check.warning ? ['warning', 'warn'] : ['failed', 'bad'], [check.message]])));
        const lines = (await (await fetch('/v1/events')).text()).trim().split('\\n').slice(-15).reverse();
        fill('events', ['time', 'event', 'model'], lines.filter(line => line).map(line => {
          const event = JSON.parse(line);
          return row([[event.time], [event.event], [event.model]]);
        }));
      } catch (error) {
        at('ready').textContent = 'no answer';
        at('ready').className = 'bad';
        at('summary').textContent = String(error);
      }
      setTimeout(refresh, 2000);
    }
    refresh();
    </script>
    </html>
    """
