-- One case: a line that is always to be seen, and below it all that is known.
local conversation = require "h2probe.reports.html.conversation"
local markup = require "h2probe.reports.html.markup"
local verdicts = require "h2probe.reports.html.verdicts"

local case = {}

local TEASER <const> = 160
local text, lines = markup.text, markup.lines

local function name(id)
  local folder, last = tostring(id):match "^(.*/)([^/]*)$"
  return folder and ("%s<b>%s</b>"):format(text(folder), text(last)) or ("<b>%s</b>"):format(text(id))
end

-- What is worth a second line: what a case is about, and what was seen if it did not pass.
local function teasers(result)
  local list = {}
  if result.title then
    list[1] = ('<span class="title">%s</span>'):format(text(result.title, TEASER * 2))
  end
  if result.verdict ~= "pass" and result.observed then
    list[#list + 1] = ('<span class="teaser">%s</span>'):format(text(result.observed, TEASER))
  end
  return table.concat(list)
end

local function summary(result)
  local noted = result.verdict == "pass" and #(result.notes or {}) > 0
  return ('<summary>%s<h3>%s</h3><span class="tags">%s%s%s</span>%s</summary>\n'):format(verdicts.badge(result.verdict),
    name(result.id), result.level and ("<span>%s</span>"):format(text(result.level)) or "",
    ("<span>%s</span>"):format(text(result.mode or "")), noted and "<span>with a note</span>" or "", teasers(result))
end

local function requirement(result)
  local links = {}
  for i, id in ipairs(result.req or {}) do
    links[i] = markup.requirement(id)
  end
  if #links == 0 and not result.statement then
    return ""
  end
  local level = result.level and ('<strong>%s</strong> '):format(text(result.level)) or ""
  return ('<p class="requirement"><span class="ids">%s</span> %s%s</p>\n'):format(table.concat(links, ", "), level,
    lines(result.statement or ""))
end

local function side(class, title, value)
  return ('<div class="%s"><h4>%s</h4><p>%s</p></div>'):format(class, title, value)
end

-- What is not said in a result is what the requirement says.
local function pair(result)
  if not result.expected and not result.observed then
    return ""
  end
  local expected = result.expected and lines(result.expected) or "<i>what the requirement says</i>"
  local observed = result.observed and lines(result.observed)
    or (result.verdict == "pass" and "<i>that</i>" or "<i>nothing is said</i>")
  return ('<div class="pair">%s%s</div>\n'):format(side("expected", "Expected", expected),
    side("observed " .. verdicts.class(result.verdict), "Observed", observed))
end

local function facts(result)
  local rows = {}
  local function add(label, html)
    rows[#rows + 1] = ("<div><dt>%s</dt><dd>%s</dd></div>"):format(label, html)
  end
  if result.row ~= nil then add("Row", lines(result.row)) end
  for i, note in ipairs(result.notes or {}) do
    add(i == 1 and "Notes" or "", lines(note))
  end
  if result.location then add("Defined in", ("<code>%s</code>"):format(text(result.location))) end
  if markup.number(result.seconds) > 0 then add("Took", markup.seconds(result.seconds)) end
  return #rows > 0 and ('<dl class="facts">%s</dl>\n'):format(table.concat(rows)) or ""
end

local function again(result)
  if not result.command then
    return ""
  end
  return ('<div class="again"><h4>Run it again</h4><div class="command"><code>%s</code></div></div>\n'):format(
    text(result.command))
end

local function talk(result)
  local entries = result.transcript or {}
  if #entries == 0 then
    return ""
  end
  return conversation(entries, result.verdict ~= "pass" and result.verdict ~= "skip") .. "\n"
end

--- The id of a result's element; `seen` keeps them apart.
function case.anchor(result, seen, prefix)
  local anchor = markup.anchor(("%s%s.%s"):format(prefix or "", tostring(result.id), tostring(result.mode)))
  local times = (seen[anchor] or 0) + 1
  seen[anchor] = times
  return times == 1 and anchor or ("%s~%d"):format(anchor, times)
end

--- What the page's filter looks at, as attributes.
function case.attributes(result)
  return ('data-l="%s" data-m="%s" data-s="%s"'):format(markup.level(result.level), text(result.mode or ""),
    text(result.suite or ""))
end

--- The whole case; `label` names the column that it belongs to in a comparison.
function case.html(result, anchor, label)
  local from = label and ('<p class="from">%s</p>\n'):format(text(label)) or ""
  return table.concat { ('<details class="case item" id="%s" data-v="%s" %s>'):format(anchor, verdicts.class(result.verdict),
    case.attributes(result)), summary(result), '<div class="body">', from, requirement(result), pair(result), facts(result),
    again(result), talk(result), "</div></details>\n" }
end

return case
