// The API to search and try. It reads the shop's own OpenAPI document and writes the page from it; nothing comes from elsewhere, and
// the access token stays in this page.

const WORDS = {
  en: {
    parameters: 'Parameters', body: 'Body', answers: 'Answers', curl: 'With curl', copy: 'Copy', copied: 'Copied', tryIt: 'Try it',
    send: 'Send', sending: 'Sending…', required: 'required', example: 'Example', schema: 'Fields', headers: 'Headers', links: 'Leads to',
    access: 'Who', open: 'Everybody.', bearer: 'A bearer token.', order: "A bearer token, or the order's own token (X-Order-Token).",
    roles: (roles) => `A bearer token of these roles: ${roles.join(', ')}.`,
    cart: "Everybody. A bearer token opens the account's cart, X-Cart-Token a guest's.",
    failed: 'No answer came. Is the shop running?', badDocument: 'openapi.json could not be read. Load the page again.', count: (n) => (n === 1 ? '1 operation' : `${n} operations`), took: (ms) => `${ms} ms`, one: 'One of:', path: 'path', query: 'query', header: 'header',
  },
  ar: {
    parameters: 'المعاملات', body: 'المحتوى', answers: 'الاستجابات', curl: 'عبر curl', copy: 'نسخ', copied: 'نُسخ', tryIt: 'تجربة',
    send: 'إرسال', sending: 'جارٍ الإرسال…', required: 'مطلوب', example: 'مثال', schema: 'الحقول', headers: 'الترويسات', links: 'يقود إلى',
    access: 'لمن', open: 'للجميع.', bearer: 'رمز دخول (Bearer).', order: 'رمز دخول، أو رمز الطلب نفسه (X-Order-Token).',
    roles: (roles) => `رمز دخول (Bearer) لحساب من هذه الأدوار: ${roles.join('، ')}.`,
    cart: 'للجميع. رمز الدخول يفتح سلة الحساب، وترويسة X-Cart-Token تفتح سلة الزائر.',
    failed: 'لم تصل استجابة. هل المتجر يعمل؟', badDocument: 'تعذّرت قراءة openapi.json. أعد تحميل الصفحة.', count: (n) => (n === 1 ? 'عملية واحدة' : n === 2 ? 'عمليتان' : n <= 10 ? `${n} عمليات` : `${n} عملية`), took: (ms) => `${ms} مللي ثانية`, one: 'واحد من:', path: 'المسار', query: 'الاستعلام', header: 'الترويسة',
  },
};
const language = document.documentElement.lang === 'ar' ? 'ar' : 'en';
const words = WORDS[language];

/** An element with properties and children; texts are always text, never markup. */
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A word of the page's own language among English ones. */
const ours = (name, text, properties = {}) => make(name, { lang: language, dir: language === 'ar' ? 'rtl' : 'ltr', ...properties }, isolated(text));

/** Names among Arabic words stay whole and in their direction. */
function isolated(text) {
  if (language !== 'ar') return [text];
  return text.split(/([A-Za-z][\w-]*)/).map((piece, index) => (index % 2 ? make('bdi', { dir: 'ltr', class: 'whole' }, piece) : piece));
}

/** The little Markdown that descriptions use: paragraphs, `code`, [links](/of/this/shop). */
function markdown(text) {
  return text.split(/\n\n+/).filter(Boolean).map((paragraph) => make('p', {}, inline(paragraph)));
}
function inline(text) {
  return text.split(/(`[^`]+`|\[[^\]]+\]\(\/[^)]*\))/).map((piece) => {
    if (piece.startsWith('`')) return make('code', {}, piece.slice(1, -1));
    const link = /^\[([^\]]+)\]\((\/[^)]*)\)$/.exec(piece);
    return link ? make('a', { href: link[2] }, link[1]) : piece;
  });
}

let api;
const resolve = (thing) => {
  if (!thing?.$ref) return thing;
  return thing.$ref.slice(2).split('/').reduce((at, part) => at?.[part], api);
};
const nameOf = (schema) => schema?.$ref?.split('/').pop();

function typeOf(schema) {
  const name = nameOf(schema);
  if (name) return name;
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices && !schema.properties) return [...new Set(choices.map(typeOf))].join(' | ');
  if (schema.type === 'array' || schema.type?.includes?.('array')) return `${typeOf(schema.items ?? {})}[]`;
  const type = Array.isArray(schema.type) ? schema.type.join(' | ') : schema.type;
  return [type ?? 'any', schema.format && `(${schema.format})`].filter(Boolean).join(' ');
}

function limitsOf(schema) {
  const limits = [];
  if (schema.minimum !== undefined || schema.maximum !== undefined) limits.push(`${schema.minimum ?? '…'} – ${schema.maximum ?? '…'}`);
  if (schema.maxLength !== undefined) limits.push(`${schema.minLength ?? 0} – ${schema.maxLength} characters`);
  if (schema.maxItems !== undefined) limits.push(`${schema.minItems ?? 0} – ${schema.maxItems} entries`);
  if (schema.pattern && schema.pattern.length < 48 && !schema.pattern.includes('\\x')) limits.push(schema.pattern);
  return limits.join(', ');
}

/** The fields of a schema as a tree; what lies deeper opens on demand, so that a schema that holds itself ends. */
function fieldsOf(schema, depth = 0) {
  const whole = resolve(schema) ?? {};
  const parts = [whole, ...(whole.allOf ?? []).map(resolve)];
  const required = parts.flatMap((part) => part.required ?? []);
  const properties = Object.assign({}, ...parts.map((part) => part.properties ?? {}));
  const list = make('ul');
  for (const [name, field] of Object.entries(properties)) {
    const own = resolve(field);
    const inner = own?.type === 'array' || own?.type?.includes?.('array') ? resolve(own.items) : own;
    const head = [
      make('code', {}, name), ' ', make('span', { class: 'type' }, typeOf(field)), ' ',
      required.includes(name) ? ours('span', words.required, { class: 'must' }) : null, ' ',
      make('span', { class: 'note' }, [own?.description ? inline(own.description) : [], limitsOf(own ?? {}) ? ` ${limitsOf(own)}` : ''].flat()),
    ];
    if (inner?.properties && depth < 6) {
      const details = make('details', {}, make('summary', {}, head));
      details.addEventListener('toggle', () => { if (details.children.length === 1) details.append(fieldsOf(inner, depth + 1)); }, { once: true });
      list.append(make('li', {}, details));
    } else {
      list.append(make('li', {}, head));
    }
  }
  if (!list.children.length) list.append(make('li', {}, make('span', { class: 'type' }, typeOf(whole))));
  return list;
}

const pretty = (value) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

function copyable(text, label) {
  const pre = make('pre', { tabindex: 0, 'aria-label': label }, text);
  const told = ours('span', words.copy);
  const button = make('button', { type: 'button' }, told);
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
    } catch {
      // Over plain HTTP there is no clipboard; the text is selected, ready for the keys.
      getSelection().selectAllChildren(pre);
      return;
    }
    told.textContent = words.copied;
    setTimeout(() => { told.textContent = words.copy; }, 1500);
  });
  return { box: make('div', { class: 'copy' }, pre, button), pre };
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** Whose credentials an operation takes. */
function access(operation) {
  if (operation['x-roles']) return words.roles(operation['x-roles']);
  const names = (operation.security ?? []).flatMap((way) => Object.keys(way));
  if (names.includes('cartToken') && names.includes('bearer')) return words.cart;
  if (!names.length || operation.security.some((way) => !Object.keys(way).length)) return words.open;
  return names.includes('orderToken') ? words.order : words.bearer;
}

function parametersTable(parameters) {
  const rows = parameters.map((parameter) => make('tr', {},
    make('th', { scope: 'row' }, make('code', {}, parameter.name), ours('span', [words[parameter.in] ?? parameter.in, parameter.required ? `${language === 'ar' ? '،' : ','} ${words.required}` : ''].join(''), { class: 'meta' })),
    make('td', {}, inline(parameter.description ?? ''), make('span', { class: 'meta' }, [typeOf(parameter.schema), limitsOf(parameter.schema)].filter(Boolean).join(', '))),
  ));
  return make('table', { class: 'parameters', 'aria-label': words.parameters }, make('tbody', {}, rows));
}

function responseOf(status, response) {
  const [mediaType, content] = Object.entries(response.content ?? {})[0] ?? [];
  const mood = status < 300 ? 'good' : status >= 400 ? 'bad' : '';
  const inside = [];
  if (Object.keys(response.headers ?? {}).length) {
    inside.push(make('p', { class: 'meta' }, `${words.headers}: `, Object.keys(response.headers).map((name) => make('code', {}, `${name} `))));
  }
  if (content) {
    inside.push(make('p', { class: 'meta' }, make('code', {}, Object.keys(response.content).join(', '))));
    if (content.example !== undefined) inside.push(copyable(pretty(content.example), `${words.example} ${status}`).box);
    if (mediaType.endsWith('json')) inside.push(make('div', { class: 'schema' }, fieldsOf(content.schema)));
  }
  const links = Object.entries(response.links ?? {});
  if (links.length) {
    inside.push(make('p', {}, `${words.links}: `, links.map(([, link]) => [make('a', { href: `#${link.operationId}` }, link.description), ' · ']).flat().slice(0, -1)));
  }
  const head = make('summary', {}, make('span', { class: `status ${mood}` }, status), ' ', inline(response.description));
  return make('details', { class: 'response' }, head, inside);
}

/** What the form of an operation asks for: method, address, headers, body. */
function requestOf(method, path, form, token) {
  let address = path;
  const query = new URLSearchParams();
  const headers = {};
  for (const field of form.querySelectorAll('[data-in]')) {
    const { in: where, name } = field.dataset;
    if (where === 'path') address = address.replace(`{${name}}`, encodeURIComponent(field.value || `{${name}}`).replaceAll('%7B', '{').replaceAll('%7D', '}'));
    else if (!field.value) continue;
    else if (where === 'query') query.append(name, field.value);
    else headers[name] = field.value;
  }
  if (token) headers.Authorization = `Bearer ${token}`;
  const body = form.querySelector('textarea')?.value.trim();
  if (body) headers['Content-Type'] = 'application/json';
  const tail = query.size ? `?${query}` : '';
  return { method, address: `${address}${tail}`, headers, body: body || undefined };
}

function curlOf({ method, address, headers, body }) {
  const lines = [`curl -X ${method} ${quote(`${location.origin}${address}`)}`];
  for (const [name, value] of Object.entries(headers)) {
    lines.push(`-H ${quote(`${name}: ${name === 'Authorization' ? 'Bearer $TOKEN' : value}`)}`.replace("'Authorization: Bearer $TOKEN'", '"Authorization: Bearer $TOKEN"'));
  }
  if (body) lines.push(`-d ${quote(body)}`);
  return lines.join(' \\\n  ');
}

function tryForm(id, method, path, operation, parameters, token, curl) {
  const grid = make('div', { class: 'grid' });
  const shown = parameters.filter((parameter) => parameter.in !== 'header' || !['Accept-Language', 'X-Request-Id'].includes(parameter.name));
  const ways = new Set((operation.security ?? []).flatMap((way) => Object.keys(way)));
  const tokens = Object.entries(api.components.securitySchemes).filter(([name, scheme]) => ways.has(name) && scheme.in === 'header');
  for (const parameter of [...shown, ...tokens.map(([, scheme]) => ({ name: scheme.name, in: 'header', schema: { type: 'string' } }))]) {
    const field = `${id}-${parameter.in}-${parameter.name}`;
    const choices = parameter.schema.enum ?? (parameter.schema.type === 'boolean' ? ['true', 'false'] : null);
    const input = choices
      ? make('select', { id: field, 'data-in': parameter.in, 'data-name': parameter.name }, ['', ...choices].map((choice) => make('option', { value: choice }, choice)))
      : make('input', { id: field, 'data-in': parameter.in, 'data-name': parameter.name, autocomplete: 'off', spellcheck: 'false', required: parameter.in === 'path' });
    grid.append(make('div', { class: 'field' }, make('label', { for: field }, parameter.name), input));
  }
  const form = make('form', { class: 'try' }, grid);
  const content = resolve(operation.requestBody)?.content?.['application/json'];
  if (content) {
    const field = `${id}-body`;
    const examples = Object.values(content.examples ?? {});
    const area = make('textarea', { id: field, spellcheck: 'false' });
    area.value = examples.length ? pretty(examples[0].value) : '{}';
    if (examples.length > 1) {
      const pick = make('select', { id: `${field}-example` }, examples.map((example, index) => make('option', { value: index }, example.summary)));
      pick.addEventListener('change', () => { area.value = pretty(examples[pick.value].value); refresh(); });
      form.append(make('div', { class: 'field' }, ours('label', words.example, { for: `${field}-example` }), pick));
    }
    form.append(make('div', { class: 'field' }, ours('label', words.body, { for: field }), area));
  }
  const button = ours('button', words.send, { class: 'primary' });
  const outcome = make('div', { class: 'outcome', role: 'status' });
  form.append(make('div', { class: 'row' }, button), outcome);
  const refresh = () => { curl.textContent = curlOf(requestOf(method, path, form, token.value)); };
  form.addEventListener('input', refresh);
  token.addEventListener('input', refresh);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    button.setAttribute('aria-busy', 'true');
    outcome.replaceChildren(ours('p', words.sending));
    const { address, ...request } = requestOf(method, path, form, token.value);
    const started = performance.now();
    try {
      const response = await fetch(address, { ...request, credentials: 'omit', cache: 'no-store' });
      const text = await response.text();
      outcome.replaceChildren(...shownAnswer(response, text, Math.round(performance.now() - started)));
    } catch {
      outcome.replaceChildren(ours('p', words.failed, { class: 'notice bad' }));
    }
    button.removeAttribute('aria-busy');
  });
  refresh();
  return form;
}

function shownAnswer(response, text, ms) {
  let body = text;
  try { body = JSON.stringify(JSON.parse(text), null, 2); } catch { /* It is no JSON; shown as it came. */ }
  const headers = ['etag', 'location', 'retry-after', 'ratelimit', 'idempotency-replayed', 'x-request-id']
    .filter((name) => response.headers.has(name)).map((name) => `${name}: ${response.headers.get(name)}`);
  const mood = response.ok ? 'good' : response.status >= 400 ? 'bad' : '';
  return [
    make('p', {}, make('span', { class: `status ${mood}` }, response.status), ` ${words.took(ms)}`),
    make('pre', { tabindex: 0, 'aria-label': words.headers }, headers.join('\n')),
    body ? make('pre', { class: 'tall', tabindex: 0, 'aria-label': words.body }, body) : null,
  ].filter(Boolean);
}

/** An operation's inside, made when it is opened first. */
function insideOf(method, path, operation, token) {
  const id = operation.operationId;
  const parameters = (operation.parameters ?? []).map(resolve);
  const inside = make('div', { class: 'inside' }, markdown(operation.description ?? ''), make('p', { class: 'meta' }, ours('span', `${words.access}: ${access(operation)}`)));
  if (parameters.length) inside.append(ours('h3', words.parameters), parametersTable(parameters));
  const content = resolve(operation.requestBody)?.content?.['application/json'];
  if (content) {
    inside.append(ours('h3', words.body), make('div', { class: 'schema' }, fieldsOf(content.schema)));
  }
  inside.append(ours('h3', words.answers));
  for (const [status, response] of Object.entries(operation.responses)) inside.append(responseOf(status, resolve(response)));
  const curl = copyable('', words.curl);
  inside.append(ours('h3', words.tryIt), tryForm(id, method, path, operation, parameters, token, curl.pre), ours('h3', words.curl), curl.box);
  return inside;
}

/** In the order in which one meets them: read, make, change, take away. */
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** The codes that an operation may refuse with. */
const codesOf = (operation) => Object.values(operation.responses)
  .flatMap((response) => resolve(response).content?.['application/problem+json']?.schema.allOf[1].properties.code.enum ?? []);

/** The codes that say something of an operation: not those that nearly all have. */
function rareCodes() {
  const counts = new Map();
  const operations = Object.values(api.paths).flatMap((methods) => Object.values(methods));
  for (const code of operations.flatMap(codesOf)) counts.set(code, (counts.get(code) ?? 0) + 1);
  return new Set([...counts].filter(([, count]) => count <= 12).map(([code]) => code));
}

function build(main, nav, token) {
  const sections = [];
  const rare = rareCodes();
  for (const tag of api.tags) {
    const section = make('section', { class: 'tag' }, make('h2', {}, tag.name), make('p', {}, tag.description));
    const list = make('ul');
    const navigation = make('div', {}, make('h2', { lang: 'en' }, tag.name), list);
    const operations = [];
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const method of METHODS.filter((known) => known in methods)) {
        const operation = methods[method];
        if (operation.tags[0] !== tag.name) continue;
        const verb = method.toUpperCase();
        const badge = () => make('span', { class: `method ${method}` }, verb);
        const details = make('details', { class: 'operation', id: operation.operationId },
          make('summary', {}, badge(), make('code', { class: 'path' }, path), make('span', { class: 'summary-text' }, operation.summary)));
        details.addEventListener('toggle', () => {
          if (details.open && details.children.length === 1) details.append(insideOf(verb, path, operation, token));
        });
        const item = make('li', {}, make('a', { href: `#${operation.operationId}`, lang: 'en' }, badge(), make('span', {}, operation.summary)));
        list.append(item);
        section.append(details);
        const codes = codesOf(operation).filter((code) => rare.has(code)).join(' ');
        const sought = [verb, path, operation.summary, operation.description, tag.name, codes].join(' ').toLowerCase();
        operations.push({ details, item, sought });
      }
    }
    main.append(section);
    nav.append(navigation);
    sections.push({ section, navigation, operations });
  }
  return sections;
}

function search(sections, text, state) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const { section, navigation, operations } of sections) {
    let here = 0;
    for (const { details, item, sought } of operations) {
      const fits = wanted.every((word) => sought.includes(word));
      details.hidden = item.hidden = !fits;
      here += fits ? 1 : 0;
    }
    section.hidden = navigation.hidden = here === 0;
    found += here;
  }
  state.textContent = found ? words.count(found) : state.dataset.none;
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(named instanceof HTMLDetailsElement)) return;
  named.open = true;
  named.scrollIntoView();
  named.querySelector('summary').focus({ preventScroll: true });
}

async function start() {
  const [main, nav, state] = ['operations', 'nav', 'state'].map((id) => document.getElementById(id));
  const [tools, box, token] = ['tools', 'search', 'token'].map((id) => document.getElementById(id));
  try {
    const response = await fetch('/api/v1/openapi.json', { credentials: 'omit' });
    if (!response.ok) throw new Error(String(response.status));
    api = await response.json();
  } catch {
    state.textContent = words.badDocument;
    state.className = 'notice bad';
    return;
  }
  const sections = build(main, nav, token);
  search(sections, '', state);
  box.addEventListener('input', () => search(sections, box.value, state));
  tools.addEventListener('submit', (event) => event.preventDefault());
  document.addEventListener('keydown', (event) => {
    const typing = event.target instanceof Element && event.target.closest('input, textarea, select');
    if (event.code === 'Slash' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      box.focus();
    }
    if (event.key === 'Escape' && event.target === box) {
      box.value = '';
      search(sections, '', state);
    }
  });
  addEventListener('hashchange', openNamed);
  openNamed();
}

start();
