-- The frame of a page: head, styles, script, and a policy that lets nothing else run or be loaded.
local markup = require "h2probe.reports.html.markup"
local resources = require "h2probe.resources"

local page = {}

local STYLES <const> = { "page", "case", "diagram", "compare", "print" }
local SCRIPTS <const> = { "filter", "entries", "diagram", "cases", "compare", "keys" }
local ICON_COLORS <const> = { pass = "1a7f4b", warn = "9a6700" }

local function joined(names, extension)
  local parts = {}
  for i, name in ipairs(names) do
    parts[i] = assert(resources.read(("reports/html/%s.%s"):format(name, extension)))
  end
  return "\n" .. table.concat(parts, "\n")
end

-- The name of a page in a row of tabs: a dot in the colour of its verdict.
local function icon(style)
  return ("data:image/svg+xml,%%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%%3E"
    .. "%%3Ccircle cx='8' cy='8' r='7' fill='%%23%s'/%%3E%%3C/svg%%3E"):format(ICON_COLORS[style] or "c0262d")
end

local function head(about, style, script)
  local policy = ("default-src 'none'; script-src '%s'; style-src '%s'; img-src data:; base-uri 'none'; form-action 'none'")
    :format(resources.integrity(script), resources.integrity(style))
  return table.concat { '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
    ('<meta http-equiv="Content-Security-Policy" content="%s">\n'):format(policy),
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n',
    '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n',
    ('<meta name="generator" content="%s">\n<title>%s</title>\n'):format(markup.text(about.tool), markup.text(about.title, 300)),
    ('<link rel="icon" href="%s">\n<style>%s</style>\n</head>\n'):format(icon(about.style), style) }
end

--- The document. `about`: title, tool, style (of the conclusion), kind ("report" or "comparison").
function page.document(about, body)
  local style, script = joined(STYLES, "css"), "\n(() => {\n'use strict';" .. joined(SCRIPTS, "js") .. "})();\n"
  return table.concat { head(about, style, script), ('<body class="%s">\n<a class="jump" href="#cases">To the cases</a>\n')
    :format(about.kind), body, "<script>", script, "</script>\n</body>\n</html>\n" }
end

--- The foot: what the keys do, where there is a script.
function page.footer()
  return '<footer><p class="keys">Keys: <kbd>/</kbd> filter, <kbd>j</kbd> <kbd>k</kbd> or arrows next and previous, '
    .. "<kbd>Enter</kbd> open, <kbd>c</kbd> copy the command of the case; in a conversation arrows move and "
    .. "<kbd>Enter</kbd> shows details.</p></footer>\n"
end

--- The date and time of a result table for people, and for machines.
function page.started(results)
  local value = tostring(results.started or "")
  return ('<time datetime="%s">%s</time>'):format(markup.text(value), markup.text((value:gsub("T", " "):gsub("Z$", " UTC"))))
end

--- "h2probe 0.1.0".
function page.tool(results)
  local tool = results.tool or {}
  return ("%s %s"):format(tostring(tool.name or "h2probe"), tostring(tool.version or ""))
end

return page
