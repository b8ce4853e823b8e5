package dev.lnrnn.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.internal.chartpart.Chart;

/** A chart as a PNG file. */
public final class ChartFile {

    private ChartFile() {}

    /** Nothing of the chart is made before it is known that this Java can draw. */
    public static void write(Path file, Supplier<? extends Chart<?, ?>> drawing) throws IOException {
        if (ModuleLayer.boot().findModule("java.desktop").isEmpty()) {
            throw new IOException("No chart: that needs the module java.desktop, which this Java lacks.");
        }
        try {
            // Drawn in memory: no display is needed, and none should be looked for.
            System.setProperty("java.awt.headless", "true");
            BitmapEncoder.saveBitmap(drawing.get(), file.toString(), BitmapFormat.PNG);
        } catch (RuntimeException | LinkageError | InternalError e) {
            // A Java without fonts or graphics libraries, as in small containers, fails in any of these ways.
            throw new IOException("The chart cannot be drawn on this machine: " + e, e);
        }
    }
}
