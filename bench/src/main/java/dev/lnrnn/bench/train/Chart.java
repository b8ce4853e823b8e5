package dev.lnrnn.bench.train;

import dev.lnrnn.bench.ChartFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.CategorySeries.CategorySeriesRenderStyle;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws what a command found out. */
final class Chart {

    private static final int POINTS = 120;

    private Chart() {}

    /** The end of the held-out part beside what was forecast; answers as {@link ChartFile#write}, likewise below. */
    static String write(Path file, Task task, Holdout holdout) throws IOException {
        return ChartFile.write(file, () -> draw(task, holdout));
    }

    /** The errors of networks. */
    static String write(Path file, Comparison comparison) throws IOException {
        return ChartFile.write(file, () -> draw(comparison));
    }

    private static XYChart draw(Task task, Holdout holdout) {
        XYChart chart = new XYChartBuilder().width(1200).height(500)
                .title("Held out: " + task.series().name())
                .xAxisTitle("point of the series")
                .yAxisTitle("forecast " + task.horizon() + " ahead")
                .build();
        chart.getStyler().setLegendPosition(LegendPosition.OutsideS);
        int end = task.series().length();
        int from = Math.max(0, holdout.target().length - POINTS);
        add(chart, "observed", holdout.target(), from, end);
        add(chart, "lnrnn", holdout.model(), from, end);
        add(chart, "seasonal-naive", holdout.seasonal(), from, end);
        return chart;
    }

    private static CategoryChart draw(Comparison comparison) {
        CategoryChart chart = new CategoryChartBuilder().width(1200).height(600)
                .title("Held out: " + comparison.series())
                .yAxisTitle("mean absolute error, " + comparison.horizon() + " ahead")
                .build();
        chart.getStyler().setDefaultSeriesRenderStyle(CategorySeriesRenderStyle.Scatter);
        chart.getStyler().setXAxisLabelRotation(30).setLegendPosition(LegendPosition.OutsideS);
        List<Comparison.Row> rows = comparison.rows();
        add(chart, "highest of the seeds", rows, row -> row.errors().getLast());
        add(chart, "median", rows, Comparison.Row::median);
        add(chart, "lowest", rows, row -> row.errors().getFirst());
        return chart;
    }

    private static void add(XYChart chart, String name, double[] values, int from, int end) {
        double[] y = Arrays.copyOfRange(values, from, values.length);
        double[] x = new double[y.length];
        Arrays.setAll(x, i -> end - y.length + i);
        chart.addSeries(name, x, y).setMarker(SeriesMarkers.NONE);
    }

    private static void add(CategoryChart chart, String name, List<Comparison.Row> rows,
            Function<Comparison.Row, Double> error) {
        chart.addSeries(name, rows.stream().map(Comparison.Row::title).toList(), rows.stream().map(error).toList());
    }
}
