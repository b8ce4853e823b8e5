package dev.lnrnn.bench.latency;

import java.util.List;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.CategorySeries.CategorySeriesRenderStyle;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;

/** How long steps take, and how much longer the slowest of them, for each hidden size. */
final class LatencyChart {

    private LatencyChart() {}

    static CategoryChart draw(Measured measured) {
        List<Row> steps = steps(measured);
        CategoryChart chart = new CategoryChartBuilder().width(1000).height(600)
                .title("A streaming step on " + measured.machine().cpu() + ", one thread, from Java")
                .yAxisTitle("microseconds").build();
        chart.getStyler().setLegendPosition(LegendPosition.OutsideS).setLegendLayout(LegendLayout.Horizontal);
        // Lines, as bars begin at zero, which a logarithmic axis has not.
        chart.getStyler().setDefaultSeriesRenderStyle(CategorySeriesRenderStyle.Line).setOverlapped(true);
        chart.getStyler().setYAxisLogarithmic(true);
        add(chart, "median", steps, Row::value);
        add(chart, "99 %", steps, row -> tail(row).p99());
        add(chart, "99.9 %", steps, row -> tail(row).p999());
        return chart;
    }

    static List<Row> steps(Measured measured) {
        return measured.of(Part.STEPS).stream().filter(row -> row.tail() != null).toList();
    }

    private static Row.Tail tail(Row row) {
        return Objects.requireNonNull(row.tail());
    }

    private static void add(CategoryChart chart, String name, List<Row> steps, ToDoubleFunction<Row> microseconds) {
        chart.addSeries(name, steps.stream().map(Row::what).toList(),
                steps.stream().mapToDouble(microseconds).boxed().toList());
    }
}
