-- Text to HTML: whatever octets there are, the page stays well-formed and shows them.
local build = require "h2probe.reports.shared.build"
local printable = require("h2probe.reports.console.text").printable

local markup = {}

local VALUE <const> = 65536 -- octets of one value
local ENTITIES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

--- Any value as one line of text or as the value of an attribute.
function markup.text(value, limit)
  return (printable(build.bounded(value, limit or VALUE), true):gsub("[&<>\"']", ENTITIES))
end

--- The same with its line ends.
function markup.lines(value)
  local lines = {}
  for line in (build.bounded(value, VALUE) .. "\n"):gmatch "([^\n]*)\n" do
    lines[#lines + 1] = markup.text(line)
  end
  return table.concat(lines, "\n")
end

--- The attribute id of an element: no blanks.
function markup.anchor(id)
  return (markup.text(id, 500):gsub(" ", "_"))
end

--- The address of the element with that id.
function markup.fragment(anchor)
  local plain = anchor:gsub("&#?%w+;", { ["&amp;"] = "&", ["&lt;"] = "<", ["&gt;"] = ">", ["&quot;"] = '"', ["&#39;"] = "'" })
  return "#" .. plain:gsub("[^%w/._~:-]", function(c) return ("%%%02X"):format(c:byte()) end)
end

--- A requirement's id as a link to its section: RFC9113-6.5-7, RFC7541-C.4-1.
function markup.requirement(id)
  local rfc, section = tostring(id):match "^RFC(%d+)%-([%w.]+)%-%d+$"
  if not rfc then
    return markup.text(id)
  end
  local kind = section:find "^%d" and "section" or "appendix"
  return ('<a href="https://www.rfc-editor.org/rfc/rfc%s#%s-%s" title="RFC %s, %s %s">%s</a>'):format(rfc, kind, section,
    rfc, kind, section, markup.text(id))
end

--- A number that is fit to be shown.
function markup.number(value)
  return type(value) == "number" and value == value and math.abs(value) < math.huge and value or 0
end

--- The level without its NOT, by which cases are counted: MUST, SHOULD, MAY or other.
function markup.level(level)
  local word = tostring(level):match "^(%u+)"
  return (word == "MUST" or word == "SHOULD" or word == "MAY") and word or "other"
end

--- The time of a case or a run.
function markup.seconds(value)
  value = markup.number(value)
  return value < 0.9995 and ("%.1f ms"):format(value * 1000) or ("%.2f s"):format(value)
end

return markup
