-- What stands above the cases: the conclusion, totals that filter, tables by level and by suite, and the filter itself.
local markup = require "h2probe.reports.html.markup"
local verdicts = require "h2probe.reports.html.verdicts"

local overview = {}

local text = markup.text
local LEVELS <const> = { "MUST", "SHOULD", "MAY", "other" }

--- A collection in the order of first appearance: list, item(key, make).
local function collection()
  local list, by_key = {}, {}
  return list, function(key, make)
    if by_key[key] == nil then
      by_key[key] = make(key)
      list[#list + 1] = by_key[key]
    end
    return by_key[key]
  end
end

-- A picture of the counts, for eyes only: the same numbers stand below.
local function bar(counts)
  local parts, at = {}, 0
  for _, each in ipairs(verdicts.each(counts)) do
    local width = 100 * each.count / counts.total
    parts[#parts + 1] = ('<rect class="%s" x="%.3f%%" width="%.3f%%" height="100%%"/>'):format(each.class, at, width)
    at = at + width
  end
  return ('<svg class="bar" aria-hidden="true" focusable="false" width="100%%" height="10">%s</svg>'):format(
    table.concat(parts))
end

--- A check box for each verdict that occurs; the style sheet alone makes them work, so they do without a script.
function overview.totals(counts, unit)
  local chips = {}
  for i, each in ipairs(verdicts.each(counts)) do
    chips[i] = ('<label class="chip %s"><input type="checkbox" id="only-%s" value="%s">'
      .. '<span class="sign" aria-hidden="true">%s</span><b>%d</b> %s</label>'):format(each.class, each.class, each.class,
      each.row.sign, each.count, each.row.title:lower())
  end
  if #chips == 0 then
    return "<p>Nothing was run.</p>\n"
  end
  return ('%s<fieldset class="chips"><legend>%s <small>Choose to see only these.</small></legend>%s</fieldset>\n'):format(
    bar(counts), unit or ("%d %s"):format(counts.total, counts.total == 1 and "case" or "cases"), table.concat(chips))
end

-- Tables ------------------------------------------------------------------------------------------------

local function count_cells(each, counts)
  local cells = {}
  for i, column in ipairs(each) do
    local count = counts[column.class] or 0
    cells[i] = ('<td class="%s">%s</td>'):format(count > 0 and column.class or "none", count > 0 and count or "–")
  end
  return table.concat(cells)
end

local function table_html(caption, heads, rows)
  return ('<div class="scroll"><table class="counts"><caption>%s</caption><thead><tr><td></td>%s<th scope="col">All</th></tr>'
    .. "</thead><tbody>\n%s</tbody></table></div>\n"):format(caption, heads, rows)
end

local function count_table(caption, each, rows)
  local heads = {}
  for i, column in ipairs(each) do
    heads[i] = ('<th scope="col">%s</th>'):format(column.row.title)
  end
  return table_html(caption, table.concat(heads), table.concat(rows))
end

local function count_row(each, head, counts)
  return ('<tr><th scope="row">%s</th>%s<td class="all">%d</td></tr>\n'):format(head, count_cells(each, counts), counts.total)
end

local function grouped(results, key_of)
  local list, item = collection()
  for _, result in ipairs(results) do
    local key = key_of(result)
    local group = item(key, function() return { key = key, results = {} } end)
    group.results[#group.results + 1] = result
  end
  return list
end

-- A row for each verdict, so that it fits a narrow screen.
local function level_table(each, results)
  local by_level, present, heads, rows = {}, {}, {}, {}
  for _, group in ipairs(grouped(results, function(result) return markup.level(result.level) end)) do
    by_level[group.key] = verdicts.count(group.results)
  end
  for _, level in ipairs(LEVELS) do
    present[#present + 1] = by_level[level] and level
    heads[#heads + 1] = by_level[level] and ('<th scope="col">%s</th>'):format(level)
  end
  for i, one in ipairs(each) do
    local cells = {}
    for j, level in ipairs(present) do
      local count = by_level[level][one.class]
      cells[j] = ('<td class="%s">%s</td>'):format(count and one.class or "none", count or "–")
    end
    rows[i] = ('<tr><th scope="row">%s</th>%s<td class="all">%d</td></tr>\n'):format(one.row.title, table.concat(cells), one.count)
  end
  return table_html("By level", table.concat(heads), table.concat(rows))
end

local function suite_table(each, results)
  local rows = {}
  for _, group in ipairs(grouped(results, function(result) return tostring(result.suite or "") end)) do
    rows[#rows + 1] = count_row(each, ('<span data-suite="%s">%s</span>'):format(text(group.key), text(group.key)),
      verdicts.count(group.results))
  end
  return count_table("By suite", each, rows)
end

--- By level, and by suite (folded: there are many).
function overview.tables(results)
  local each = verdicts.each(verdicts.count(results))
  if #results == 0 then
    return ""
  end
  return ('%s<details class="fold"><summary>By suite</summary>%s</details>\n'):format(level_table(each, results),
    suite_table(each, results))
end

-- The filter --------------------------------------------------------------------------------------------

local function options(list)
  local parts = {}
  for i, value in ipairs(list) do
    parts[i] = ('<option value="%s">%s</option>'):format(text(value), text(value))
  end
  return table.concat(parts)
end

local function choice(name, label, every, list)
  return ('<label class="choice"><span>%s</span><select name="%s"><option value="">%s</option>%s</select></label>'):format(
    label, name, every, options(list))
end

-- Suites and the folders that hold more than one of them.
local function suites_of(results)
  local list, item = collection()
  for _, result in ipairs(results) do
    local suite = tostring(result.suite or "")
    local folder = suite:match "^(.-/)"
    if folder then
      item(folder, function(key) return key end)
    end
    item(suite, function(key) return key end)
  end
  return list
end

local function keys(results, key_of)
  local list = {}
  for i, group in ipairs(grouped(results, key_of)) do
    list[i] = group.key
  end
  return list
end

--- The form that the script brings to life; it is hidden where there is none.
function overview.filter(results)
  local modes = keys(results, function(result) return tostring(result.mode or "") end)
  local present, levels = {}, {}
  for _, level in ipairs(keys(results, function(result) return markup.level(result.level) end)) do
    present[level] = true
  end
  for _, level in ipairs(LEVELS) do
    levels[#levels + 1] = present[level] and level or nil
  end
  return table.concat { '<form id="filter" role="search" aria-label="Cases" hidden>',
    '<label class="text"><span>Filter <kbd>/</kbd></span><input type="search" name="text" autocomplete="off" spellcheck="false" '
      .. 'placeholder="id, requirement, words" aria-describedby="shown"></label>',
    choice("level", "Level", "every level", levels), choice("mode", "Mode", "every mode", modes),
    choice("suite", "Suite", "every suite", suites_of(results)),
    '<span class="tools"><output id="shown" aria-live="polite"></output>',
    '<button type="reset">Clear</button></span></form>\n' }
end

return overview
