-- The conversation of a case as text. The page's script draws the diagram from the same elements: one of them for each
-- entry, whose data-e is kind, direction, stream and name, whose first line has a mark, time, arrow and text at fixed places.
local focus_of = require "h2probe.reports.shared.focus"
local markup = require "h2probe.reports.html.markup"

local LINE <const> = 16384 -- octets of one line
local KINDS <const> = { frame = "f", preface = "p", bad_preface = "p", octets = "o", note = "n" }

-- Which side the tester was: a client's preface or a connection that came in is never ours.
local function is_server(entries)
  for _, entry in ipairs(entries) do
    if not entry.sent and (entry.kind == "preface" or entry.kind == "bad_preface") then
      return true
    elseif entry.kind == "note" and tostring(entry.text):find "^connection from " then
      return true
    end
  end
  return false
end

local function kind_of(entry)
  return entry.kind == "note" and entry.name == "connection" and "c" or KINDS[entry.kind] or "n"
end

local function about(entry)
  local stream = math.type(entry.stream) == "integer" and entry.stream >= 0 and entry.stream or ""
  return ("%s%s%s %s"):format(kind_of(entry), entry.sent and ">" or "<", stream, markup.text(entry.name or "", 100))
end

local function entry_html(entry, is_focus)
  local arrow = entry.kind == "note" and "--" or entry.sent and "-&gt;" or "&lt;-"
  local lines = { ("%s%11.3f %s %s"):format(is_focus and "&gt; " or "  ", markup.number(entry.time) * 1000, arrow,
    markup.text(entry.text or "", LINE)) }
  for _, line in ipairs(entry.lines or {}) do
    lines[#lines + 1] = (" "):rep(19) .. markup.text(line, LINE)
  end
  return ('<span%s data-e="%s">%s\n</span>'):format(is_focus and ' class="focus"' or "", about(entry), table.concat(lines, "\n"))
end

--- `judged`: there is a verdict that some entry may be the reason of.
return function(entries, judged)
  local focus = judged and focus_of(entries) or nil
  local spans = {}
  for i, entry in ipairs(entries) do
    spans[i] = entry_html(entry, i == focus)
  end
  return ('<details class="talk" open><summary>Conversation <small>%d %s, times in ms, -&gt; is sent by h2probe</small></summary>'
    .. '<pre tabindex="0" data-role="%s">%s</pre></details>'):format(#entries,
    #entries == 1 and "entry" or "entries", is_server(entries) and "server" or "client", table.concat(spans))
end
