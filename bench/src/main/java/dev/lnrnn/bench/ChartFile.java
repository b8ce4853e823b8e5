package dev.lnrnn.bench;

import dev.lnrnn.interop.FileReplacement;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Supplier;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.internal.chartpart.Chart;

/** A chart as a PNG file. */
public final class ChartFile {

    private ChartFile() {}

    /**
     * Writes it, so that the file has all of it or is as it was. Nothing of the chart is made before it is known that
     * this Java can draw: where it cannot, that is no failure, as all that the chart shows is there as numbers.
     *
     * @return what there is to say: where the chart is, or why there is none
     * @throws IOException if it can be drawn and cannot be written
     */
    public static String write(Path file, Supplier<? extends Chart<?, ?>> drawing) throws IOException {
        if (ModuleLayer.boot().findModule("java.desktop").isEmpty()) {
            return "No chart: that needs the module java.desktop, which this Java lacks.";
        }
        byte[] png;
        try {
            // Drawn in memory: no display is needed, and none should be looked for.
            System.setProperty("java.awt.headless", "true");
            // Nor a temporary file, for which there may be no room.
            ImageIO.setUseCache(false);
            png = BitmapEncoder.getBitmapBytes(drawing.get(), BitmapFormat.PNG);
        } catch (RuntimeException | LinkageError | InternalError e) {
            // A Java without fonts or graphics libraries, as in small containers, fails in any of these ways.
            return "The chart cannot be drawn on this machine: " + e;
        }
        FileReplacement.write(file, png);
        return "Chart:   " + file;
    }
}
