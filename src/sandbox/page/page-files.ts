import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PageSettings } from './page-settings.ts';

interface PageFile {
  readonly type: string;
  readonly text: string;
}

const here = new URL('./', import.meta.url);

/** What the browser program imports by name, and where it is served. */
const PACKAGES: Readonly<Record<string, string>> = {
  preact: '/packages/preact.js',
  'preact/hooks': '/packages/preact-hooks.js',
  htm: '/packages/htm.js',
  'htm/preact': '/packages/htm-preact.js',
};

/**
 * Serves the page: the TypeScript in `browser/` with its types stripped, nothing bundled, nothing from elsewhere.
 * All files are read here and now, so a request can name nothing but these. True where it took the request.
 */
export function openPageFiles(
  settings: PageSettings,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const importMap = JSON.stringify({ imports: PACKAGES });
  const files = readPageFiles(settings, importMap);
  const policy = formatPolicy(importMap);

  return (request, response) => {
    const path = (request.url ?? '').replace(/[?#].*$/s, '');
    const file = files.get(path);
    if (file === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return false;
    response.writeHead(200, {
      'content-type': `${file.type}; charset=utf-8`,
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    response.end(request.method === 'HEAD' ? undefined : file.text);
    return true;
  };
}

function readPageFiles(settings: PageSettings, importMap: string): ReadonlyMap<string, PageFile> {
  const read = (path: string): string => readFileSync(new URL(path, here), 'utf8');
  const files = new Map<string, PageFile>();
  files.set('/', { type: 'text/html', text: read('index.html').replace('"IMPORT_MAP"', () => importMap) });
  files.set('/page.css', { type: 'text/css', text: read('page.css') });
  files.set('/surfaces.css', { type: 'text/css', text: read('surfaces.css') });
  files.set('/icon.svg', { type: 'image/svg+xml', text: read('icon.svg') });
  files.set('/page-settings.json', { type: 'application/json', text: JSON.stringify(settings) });
  for (const path of globSync('browser/**/*.ts', { cwd: fileURLToPath(here) })) {
    const name = path.replaceAll('\\', '/');
    files.set(`/${name}`, { type: 'text/javascript', text: stripTypeScriptTypes(read(name)) });
  }
  // `../../../slack/json.ts` seen from a module of the page.
  files.set('/slack/json.ts', {
    type: 'text/javascript',
    text: stripTypeScriptTypes(read('../slack/json.ts')),
  });
  for (const [name, path] of Object.entries(PACKAGES)) {
    const text = readFileSync(new URL(import.meta.resolve(name)), 'utf8');
    files.set(path, { type: 'text/javascript', text });
  }
  return files;
}

/**
 * Nothing but our own files runs, and, by Trusted Types, no text can become HTML: what hosts print is shown
 * here. The import map must stand in the document itself, so its hash is named.
 */
function formatPolicy(importMap: string): string {
  const hash = createHash('sha256').update(importMap).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}
