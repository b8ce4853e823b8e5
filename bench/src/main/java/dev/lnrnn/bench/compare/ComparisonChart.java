package dev.lnrnn.bench.compare;

import dev.lnrnn.bench.results.Limit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;

/** How near to the limit each system comes, for each shape and mode. */
final class ComparisonChart {

    private ComparisonChart() {}

    static CategoryChart draw(Outcome outcome, Limit limit) {
        CategoryChart chart = new CategoryChartBuilder().width(1400).height(700)
                .title("LSTMs on " + outcome.machine().cpu() + ", threads: " + outcome.rows().getFirst().threads())
                .yAxisTitle("% of the limit").build();
        chart.getStyler().setLegendPosition(LegendPosition.OutsideS).setLegendLayout(LegendLayout.Horizontal);
        List<String> cases = outcome.rows().stream().map(ComparisonChart::caseOf).distinct().toList();
        Map<String, Map<String, Double>> systems = new LinkedHashMap<>();
        for (Timing row : outcome.rows()) {
            String system = row.system() + (row.normalized() ? ", layer-normalised" : "");
            systems.computeIfAbsent(system, name -> new LinkedHashMap<>())
                    .put(caseOf(row), 100 * Outcome.fractionOfLimit(limit, row));
        }
        systems.forEach((system, fractions) -> {
            List<@Nullable Double> heights = new ArrayList<>();
            cases.forEach(name -> heights.add(fractions.get(name)));
            chart.addSeries(system, cases, heights);
        });
        return chart;
    }

    private static String caseOf(Timing row) {
        return row.shape() + " " + row.mode().title();
    }
}
