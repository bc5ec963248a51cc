-- The report for people who read and share: one HTML file that needs nothing else, with the conversation of each case as
-- a diagram, and the comparison of several results.
local case = require "h2probe.reports.html.case"
local compare = require "h2probe.reports.html.compare"
local console = require "h2probe.reports.console"
local markup = require "h2probe.reports.html.markup"
local overview = require "h2probe.reports.html.overview"
local page = require "h2probe.reports.html.page"
local verdicts = require "h2probe.reports.html.verdicts"

local html = { extension = "html" }

local text = markup.text

local function modes_text(results)
  local list = {}
  for i, mode in ipairs(results.modes or {}) do
    list[i] = mode.offered and text(mode.mode)
      or ("<del>%s</del> not offered%s"):format(text(mode.mode), mode.reason and ": " .. text(mode.reason) or "")
  end
  return table.concat(list, "<br>")
end

local function head(results, sentence, style)
  local facts = { { "Started", page.started(results) }, { "Took", markup.seconds(results.seconds) },
    { "Modes", modes_text(results) }, { "Tool", text(page.tool(results)) } }
  local parts = {}
  for _, fact in ipairs(facts) do
    parts[#parts + 1] = fact[2] ~= "" and ("<div><dt>%s</dt><dd>%s</dd></div>"):format(fact[1], fact[2]) or nil
  end
  return ('<header><p class="kind">h2probe report</p><h1>%s</h1><p class="conclusion %s">%s.</p><dl class="about">%s</dl>'
    .. "</header>\n"):format(text(results.target or "", 2000), style, text(sentence), table.concat(parts))
end

-- Verdicts of several rounds that are not the same in all.
local function flakes(results)
  if not results.flakes or #results.flakes == 0 then
    return results.flakes and "<p>No verdict changed between rounds.</p>\n" or ""
  end
  local rows = {}
  for i, flake in ipairs(results.flakes) do
    local counts = {}
    for _, verdict in ipairs { "pass", "warn", "fail", "error", "inconclusive", "skip", "absent" } do
      local count = (flake.verdicts or {})[verdict]
      counts[#counts + 1] = count and ("%s %d"):format(verdict, markup.number(count)) or nil
    end
    rows[i] = ('<tr><th scope="row">%s</th><td>%s</td><td>%s</td></tr>\n'):format(text(flake.id), text(flake.mode),
      table.concat(counts, ", "))
  end
  return ('<div class="scroll"><table class="flakes"><caption>Verdicts that changed between rounds</caption>'
    .. "<tbody>\n%s</tbody></table></div>\n"):format(table.concat(rows))
end

local function section(each, cases)
  return ('<section class="group %s" aria-labelledby="verdict-%s"><h2 id="verdict-%s">%s <small class="count">%d</small></h2>'
    .. '<p class="about">%s</p>\n%s</section>\n'):format(each.class, each.class, each.class, each.row.title, each.count,
    each.row.about, table.concat(cases))
end

-- The cases by verdict, what went wrong first, each in the order of the suites.
local function sections(results, counts)
  local by_class, seen, parts = {}, {}, {}
  for _, result in ipairs(results) do
    local class = verdicts.class(result.verdict)
    by_class[class] = by_class[class] or {}
    table.insert(by_class[class], case.html(result, case.anchor(result, seen)))
  end
  for _, each in ipairs(verdicts.each(counts)) do
    parts[#parts + 1] = section(each, by_class[each.class])
  end
  return table.concat(parts)
end

--- The page. Options: strict, as the exit status has it.
function html.write(results, options)
  local list = results.results or {}
  local style, sentence, status = console.conclusion(results, (options or {}).strict)
  local counts = verdicts.count(list)
  local body = { head(results, ("%s (exit status %d)"):format(sentence, status), style),
    '<section class="overview" aria-label="Overview">', overview.totals(counts), overview.tables(list), flakes(results),
    "</section>\n", overview.filter(list), '<main id="cases" tabindex="-1">\n', sections(list, counts), "</main>\n", page.footer() }
  return page.document({ title = ("%s - %s - h2probe"):format(sentence, tostring(results.target)), kind = "report",
    tool = page.tool(results), style = style }, table.concat(body))
end

--- Several results side by side: { { label =, results = }, ... }.
function html.compare(list)
  return compare(list)
end

return html
