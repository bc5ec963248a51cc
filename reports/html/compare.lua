-- Several results side by side: a row for each case and mode, a column for each server or version, disagreements first.
local case = require "h2probe.reports.html.case"
local markup = require "h2probe.reports.html.markup"
local overview = require "h2probe.reports.html.overview"
local page = require "h2probe.reports.html.page"
local verdicts = require "h2probe.reports.html.verdicts"

local text = markup.text

local GROUPS <const> = {
  { key = "differ", title = "Different verdicts", about = "Judged in several columns, and not alike." },
  { key = "partly", title = "Not judged everywhere", about = "Skipped, inconclusive or absent in some columns, alike in the others." },
  { key = "alike", title = "Alike, and not passed", about = "The same verdict in every column." },
  { key = "passed", title = "Passed everywhere", about = "Nothing to compare." },
}
local JUDGED <const> = { pass = true, warn = true, fail = true, error = true }

-- Rows --------------------------------------------------------------------------------------------------

-- Every case and mode in the order of the first column, with what each column says; what only others have follows the
-- case that it stands behind there.
local function rows_of(list)
  local rows, by_key = {}, {}
  local after = {}
  for column, each in ipairs(list) do
    local before
    for _, result in ipairs(each.results.results or {}) do
      local key = ("%s\0%s"):format(tostring(result.id), tostring(result.mode))
      local row = by_key[key]
      if not row then
        row = { key = key, first = result, cells = {} }
        by_key[key] = row
        local place = before or rows
        after[place] = after[place] or {}
        table.insert(after[place], row)
      end
      row.cells[column] = row.cells[column] or result
      before = row
    end
  end
  return rows, after
end

-- A walk along what stands behind what, without recursion: a chain may be as long as the results.
local function in_order(start, after)
  local list, stack = {}, { start }
  while #stack > 0 do
    local row = table.remove(stack)
    if row ~= start then
      list[#list + 1] = row
    end
    local next_ones = after[row] or {}
    for i = 1, #next_ones do
      stack[#stack + 1] = next_ones[i]
    end
  end
  return list
end

-- Which group a row belongs to.
local function group_of(row, columns)
  local judged, all, present = {}, {}, 0
  local kinds_judged, kinds = 0, 0
  for column = 1, columns do
    local verdict = row.cells[column] and row.cells[column].verdict or "absent"
    present = present + (row.cells[column] and 1 or 0)
    if not all[verdict] then
      all[verdict], kinds = true, kinds + 1
    end
    if JUDGED[verdict] and not judged[verdict] then
      judged[verdict], kinds_judged = true, kinds_judged + 1
    end
  end
  if kinds_judged > 1 then
    return "differ"
  elseif kinds > 1 then
    return "partly"
  end
  return all.pass and "passed" or "alike"
end

local function grouped(list)
  local groups = {}
  for _, group in ipairs(GROUPS) do
    groups[group.key] = {}
  end
  for _, row in ipairs(in_order(rows_of(list))) do
    table.insert(groups[group_of(row, #list)], row)
  end
  return groups
end

-- Tables ------------------------------------------------------------------------------------------------

local function cell(column, row, context)
  local result = row.cells[column]
  if not result then
    return '<td class="absent"><span title="There is no such case in this column">absent</span></td>'
  end
  local anchor = context.anchors[result]
  return ('<td class="%s"><a class="cell" href="%s" data-column="%d">%s</a></td>'):format(verdicts.class(result.verdict),
    text(markup.fragment(anchor)), column, verdicts.badge(result.verdict))
end

local function row_html(row, context)
  local cells, seen = {}, {}
  for column = 1, #context.list do
    cells[column] = cell(column, row, context)
    local result = row.cells[column]
    seen[#seen + 1] = result and verdicts.class(result.verdict) or nil
  end
  local first = row.first
  return ('<tr class="item" data-v="%s" %s><th scope="row"><span class="id">%s</span> <span class="tags"><span>%s</span> '
    .. '<span>%s</span></span><span class="title">%s</span></th>%s</tr>\n'):format(table.concat(seen, " "), case.attributes(first),
    text(first.id), text(first.level or ""), text(first.mode or ""), text(first.title or "", 320), table.concat(cells))
end

local function group_html(group, rows, context)
  if #rows == 0 then
    return ""
  end
  local parts = {}
  for i, row in ipairs(rows) do
    parts[i] = row_html(row, context)
  end
  return ('<section class="group" aria-labelledby="group-%s"><h2 id="group-%s">%s <small class="count">%d</small></h2>'
    .. '<p class="about">%s</p><div class="scroll"><table class="compare"><thead><tr><th scope="col">Case</th>%s</tr></thead>'
    .. "<tbody>\n%s</tbody></table></div></section>\n")
    :format(group.key, group.key, group.title, #rows, group.about, context.heads, table.concat(parts))
end

-- The head ----------------------------------------------------------------------------------------------

local function column_rows(list)
  local rows = {}
  for i, each in ipairs(list) do
    local counts, parts = verdicts.count(each.results.results or {}), {}
    for j, one in ipairs(verdicts.each(counts)) do
      parts[j] = ('<span class="%s">%d %s</span>'):format(one.class, one.count, one.row.title:lower())
    end
    rows[i] = ('<tr><th scope="row">%s</th><td>%s</td><td>%s</td><td>%s</td><td class="tally">%s</td></tr>\n'):format(
      text(each.label), text(each.results.target or ""), page.started(each.results), text(page.tool(each.results)),
      #parts > 0 and table.concat(parts, ", ") or "nothing was run")
  end
  return table.concat(rows)
end

local function results_text(list)
  return ("%d %s"):format(#list, #list == 1 and "result" or "results")
end

local function head(list, groups)
  local differing = #groups.differ
  local sentence = differing == 0 and "No verdict differs."
    or ("%d %s differently."):format(differing, differing == 1 and "case is judged" or "cases are judged")
  return ('<header><p class="kind">h2probe comparison</p><h1>%s side by side</h1><p class="conclusion %s">%s</p>'
    .. '<div class="scroll"><table class="columns"><thead><tr><th scope="col">Column</th><th scope="col">Target</th>'
    .. '<th scope="col">Started</th><th scope="col">Tool</th><th scope="col">Verdicts</th></tr></thead>'
    .. "<tbody>\n%s</tbody></table></div></header>\n"):format(results_text(list), differing == 0 and "pass" or "warn", sentence,
      column_rows(list)), sentence
end

-- The cases themselves, which the cells lead to.
local function details(context)
  local parts = {}
  for i, each in ipairs(context.list) do
    local cases = {}
    for j, result in ipairs(each.results.results or {}) do
      cases[j] = case.html(result, context.anchors[result], each.label)
    end
    parts[i] = ('<section class="column" aria-labelledby="column-%d"><h2 id="column-%d">%s</h2>\n%s</section>\n'):format(i, i,
      text(each.label), table.concat(cases))
  end
  return table.concat(parts)
end

local function new_context(list)
  local context, seen, heads = { list = list, anchors = {} }, {}, {}
  for column, each in ipairs(list) do
    for _, result in ipairs(each.results.results or {}) do
      context.anchors[result] = case.anchor(result, seen, column .. ":")
    end
    heads[column] = ('<th scope="col">%s</th>'):format(text(each.label))
  end
  context.heads = table.concat(heads)
  return context
end

local function first_results(groups)
  local list = {}
  for _, group in ipairs(GROUPS) do
    for _, row in ipairs(groups[group.key]) do
      list[#list + 1] = row.first
    end
  end
  return list
end

local function every_result(list)
  local all = {}
  for _, each in ipairs(list) do
    table.move(each.results.results or {}, 1, #(each.results.results or {}), #all + 1, all)
  end
  return all
end

--- The page that compares: `list` is { { label =, results = }, ... }.
return function(list)
  local groups, context = grouped(list), new_context(list)
  local top, sentence = head(list, groups)
  local parts = { top, '<section class="overview" aria-label="Overview">',
    overview.totals(verdicts.count(every_result(list)), "Verdicts of all columns"), "</section>\n",
    overview.filter(first_results(groups)), '<main id="cases" tabindex="-1">\n' }
  for _, group in ipairs(GROUPS) do
    parts[#parts + 1] = group_html(group, groups[group.key], context)
  end
  parts[#parts + 1] = '<section id="details" aria-label="Each case of each column">\n' .. details(context)
  parts[#parts + 1] = "</section>\n</main>\n" .. page.footer()
  parts[#parts + 1] = '<dialog id="shown-case" aria-label="A case"></dialog>\n'
  return page.document({ title = ("%s %s - h2probe"):format(sentence, results_text(list)), kind = "comparison",
    tool = list[1] and page.tool(list[1].results) or "h2probe", style = #groups.differ == 0 and "pass" or "warn" },
    table.concat(parts))
end
