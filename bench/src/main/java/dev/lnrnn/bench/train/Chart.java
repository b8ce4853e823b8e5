package dev.lnrnn.bench.train;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws the end of the held-out part beside what was forecast. */
final class Chart {

    private static final int POINTS = 120;

    private Chart() {}

    static void write(Path file, Task task, Holdout holdout) throws IOException {
        if (ModuleLayer.boot().findModule("java.desktop").isEmpty()) {
            throw new IOException("No chart: that needs the module java.desktop, which this Java lacks.");
        }
        try {
            draw(file, task, holdout);
        } catch (RuntimeException | LinkageError | InternalError e) {
            // A Java without fonts or graphics libraries, as in small containers, fails in any of these ways.
            throw new IOException("The chart cannot be drawn on this machine: " + e, e);
        }
    }

    private static void draw(Path file, Task task, Holdout holdout) throws IOException {
        // Drawn in memory: no display is needed, and none should be looked for.
        System.setProperty("java.awt.headless", "true");
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
        BitmapEncoder.saveBitmap(chart, file.toString(), BitmapFormat.PNG);
    }

    private static void add(XYChart chart, String name, double[] values, int from, int end) {
        double[] y = Arrays.copyOfRange(values, from, values.length);
        double[] x = new double[y.length];
        Arrays.setAll(x, i -> end - y.length + i);
        chart.addSeries(name, x, y).setMarker(SeriesMarkers.NONE);
    }
}
