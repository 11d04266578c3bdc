#include "lib/report/html_parts.h"

namespace kiln::report {

std::string_view html_styles() {
  return R"css(
:root{color-scheme:light dark;--bg:#f6f6f3;--paper:#fff;--ink:#1a1e22;--soft:#59636d;--line:#dcdfe1;
--faint:#eef0ef;--worse:#a32a10;--better:#1f6fcf;--attention:#f0b429;--quiet:#8893a0;--on:#fff;--edge:#1a1e22;
--ran:#e4effb;--missed:#fbe5df;--untold:#fdf2d2;
--mono:ui-monospace,"SF Mono","DejaVu Sans Mono",Menlo,Consolas,monospace;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","DejaVu Sans",sans-serif}
@media (prefers-color-scheme:dark){:root{--bg:#121517;--paper:#191d20;--ink:#e2e5e7;--soft:#98a3ad;--line:#30373d;
--faint:#20262a;--worse:#e5532d;--better:#6cb0ff;--attention:#fbe08a;--quiet:#6e7985;--on:#101214;--edge:#fbe08a;
--ran:#15283b;--missed:#3c1e16;--untold:#332a10}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:14px/20px var(--sans);font-variant-numeric:tabular-nums;
overflow-wrap:break-word}
main,header,footer{max-width:1040px;margin:0 auto;padding:0 20px}
header{padding-top:24px}
h1{font-size:22px;line-height:28px;margin:2px 0 14px;font-weight:650;letter-spacing:-.01em}
h2{font-size:13px;line-height:20px;margin:0 0 10px;font-weight:650;text-transform:uppercase;letter-spacing:.06em}
h2 small,.eyebrow,caption,.note,dt{color:var(--soft);font-size:12px;font-weight:400;letter-spacing:0;text-transform:none}
h3{font-size:14px;line-height:20px;margin:0;font-weight:600}h3 .dim{font-weight:400}
p{margin:0 0 8px}
ul{margin:6px 0 0;padding-left:18px}
code,pre,.mono{font-family:var(--mono);font-size:12px;overflow-wrap:anywhere}
pre{margin:8px 0 0;padding:8px 10px;background:var(--faint);border-radius:4px;line-height:17px;
white-space:pre-wrap;max-height:26em;overflow:auto}
a{color:inherit;text-decoration-color:var(--quiet);text-underline-offset:3px}
a:focus-visible,summary:focus-visible{outline:2px solid var(--better);outline-offset:2px}
section,.verdict{background:var(--paper);border:1px solid var(--line);border-radius:6px;padding:16px 18px;margin:0 0 14px}
.verdict{border-left:5px solid var(--quiet)}
.verdict.worse{border-left-color:var(--worse)}.verdict.attention{border-left-color:var(--attention)}
.verdict .say{font-size:18px;line-height:26px;margin:0;font-weight:500}
.verdict .word{margin:0 0 6px}
nav{display:flex;flex-wrap:wrap;gap:4px 16px;margin:0 0 14px;font-size:13px}
nav a{text-decoration:none;color:var(--soft)}nav a:hover{color:var(--ink);text-decoration:underline}
.facts{display:flex;flex-wrap:wrap;gap:10px 26px;margin:14px 0 0;padding:12px 0 0;border-top:1px solid var(--line)}
.facts dt,.facts dd{margin:0}.facts dd{font-size:16px;line-height:22px}
.chip{display:inline-block;min-width:20px;height:18px;line-height:16px;padding:0 4px;margin-right:7px;border-radius:3px;
border:1px solid var(--quiet);text-align:center;font-size:12px;font-weight:600;vertical-align:1px;color:var(--ink)}
.chip.worse{background:var(--worse);border-color:var(--worse);color:var(--on)}
.chip.better{background:var(--better);border-color:var(--better);color:var(--on)}
.chip.attention{background:var(--attention);border-color:var(--edge);color:#1a1e22}
.chip.hatched{background:repeating-linear-gradient(135deg,var(--attention) 0 3px,var(--paper) 3px 6px);color:var(--ink)}
.chip.dashed{border-style:dashed}.chip.plain{border-color:transparent}
.tag{font-size:12px;font-weight:650;letter-spacing:.03em}
table{border-collapse:collapse;width:100%}
caption{text-align:left;padding:0 0 6px}
th{font-weight:500;color:var(--soft);font-size:12px;text-align:left;vertical-align:bottom}
th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
tbody tr:last-child>*{border-bottom:0}
th[scope=row]{color:var(--ink);font-size:13px;vertical-align:top}
td.num,th.num{text-align:right;white-space:nowrap}
.outcomes span{display:inline-block;margin-right:10px;white-space:nowrap}.outcomes b{font-weight:600}
.bad{color:var(--worse);font-weight:600}.dim{color:var(--soft)}
article{padding:14px 0;border-top:1px solid var(--line)}
article:first-of-type{border-top:0;padding-top:0}article:last-child{padding-bottom:0}
article h3 .mono{font-size:13px}
.pair{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:8px 26px;margin-top:8px}
.boots{letter-spacing:1px;margin-right:6px;font-size:11px;color:var(--quiet)}.boots i{font-style:normal;color:var(--worse)}
.where{margin:8px 0 0}
details{margin-top:8px}summary{cursor:pointer;color:var(--soft);font-size:13px}
details[open]>summary{color:var(--ink)}
figure{margin:0}figure svg{display:block;width:100%;max-width:500px;height:auto}
figcaption{margin:0 0 4px}
.figure-big{font-size:16px;line-height:22px;font-weight:600}
svg text{font:10px var(--sans);fill:var(--soft)}
.axis{stroke:var(--quiet);stroke-width:1}.zero{stroke:var(--ink);stroke-width:1}.tick{stroke:var(--line);stroke-width:1}
.band{fill:var(--quiet);opacity:.16}.margin{stroke:var(--quiet);stroke-width:1;stroke-dasharray:3 3}
.thin{stroke:var(--ink);stroke-width:1.3}.thick{stroke:var(--ink);stroke-width:5;opacity:.85}
.dot{fill:none;stroke:var(--ink);stroke-width:1.1}.out{stroke:var(--quiet);stroke-width:1.2}
.mean{fill:var(--ink);stroke:var(--paper);stroke-width:1.5}.mean.open{fill:var(--paper);stroke:var(--ink)}
.mean.worse{fill:var(--worse)}.mean.better{fill:var(--better)}.mean.inform{fill:var(--quiet)}
.link{stroke:var(--quiet);stroke-width:1}.left{fill:var(--paper);stroke:var(--ink);stroke-width:1.2}.right{fill:var(--ink)}
.legend{color:var(--soft);font-size:12px;margin:0 0 12px}
.claims td:first-child{width:1%;white-space:nowrap}
.claims q{quotes:"\201c" "\201d"}
.place{font-family:var(--mono);font-size:12px;overflow-wrap:anywhere}
.dense{font-size:12.5px;line-height:18px}.dense td,.dense th{padding:3px 10px 3px 0}.dense .mono{font-size:11.5px}
td.one{white-space:nowrap}td details{margin:0}
.where+.note{margin-top:6px}
.diff{margin:6px 0 0}.diff td{border:0;padding:0 8px 0 0;font-size:12px;line-height:17px}.diff code{white-space:pre-wrap;tab-size:8}
.diff .m{width:26px;padding:0;text-align:center;font-weight:700;border-left:3px solid transparent}
.diff .n{width:1%;text-align:right;color:var(--soft);font-family:var(--mono);user-select:none}
.diff .hunk td{padding-top:8px}.diff .hunk code,.diff .ctx code,.diff .nocode code{color:var(--soft)}
.ran{background:var(--ran)}.missed{background:var(--missed)}.untold{background:var(--untold)}
.ran .m{border-color:var(--better)}.missed .m{border-color:var(--worse)}.untold .m{border-color:var(--attention)}
.diff .by td{padding-bottom:4px;color:var(--soft)}.diff .by summary{font-size:12px}.paper{display:none}
.key{display:inline-block;min-width:18px;padding:0 4px;margin-left:10px;border-radius:3px;text-align:center;color:var(--ink);font-weight:700}
.key:first-child{margin-left:0}
footer{padding-bottom:36px;color:var(--soft);font-size:12px}
@media (max-width:640px){body{font-size:14px}main,header,footer{padding:0 14px}header{padding-top:16px}
section,.verdict{padding:13px 14px}h1{font-size:19px;line-height:25px}.verdict .say{font-size:16px;line-height:23px}
.pair{grid-template-columns:minmax(0,1fr)}.facts{gap:8px 20px}
.cards thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
.cards tr{display:block;padding:9px 0;border-bottom:1px solid var(--line)}.cards tr:last-child{border-bottom:0}
.cards td,.cards th{display:block;border:0;padding:1px 0;text-align:left!important;white-space:normal!important;width:auto!important}
.cards td:empty{display:none}
.cards td[data-l]::before{content:attr(data-l) " ";color:var(--soft);font-size:12px}
.diff code{tab-size:2}.diff td{padding-right:5px}.diff .m{width:20px}}
@media print{:root{color-scheme:light;--bg:#fff;--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--faint:#f4f4f4;--worse:#a32a10;
--better:#1f6fcf;--attention:#f0b429;--quiet:#777;--on:#fff;--edge:#000;--ran:#e4effb;--missed:#fbe5df;--untold:#fdf2d2}
body{font-size:10pt;line-height:14pt}main,header,footer{max-width:none;padding:0}nav{display:none}
section,.verdict{border-width:0 0 1px;border-radius:0;padding:8pt 0;margin:0}.verdict{border-left-width:4px;padding-left:10pt}
article,tr,figure{break-inside:avoid}h2,h3{break-after:avoid}pre{max-height:none;overflow:visible;border:1px solid var(--line)}
details::details-content{content-visibility:visible;display:block;block-size:auto}
details.long{display:none}.paper{display:inline}.diff{break-inside:auto}.dense{font-size:8pt;line-height:11pt}.dense .mono{font-size:7.5pt}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
)css";
}

}  // namespace kiln::report
