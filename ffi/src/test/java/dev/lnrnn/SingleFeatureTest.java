package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Who makes a layer that sees of its input the sign alone is told so, once, and nobody else is. */
class SingleFeatureTest {

    private static final Logger LOGGER = Logger.getLogger(Layer.class.getName());

    @Test
    void aSingleFeatureIsWarnedOf() {
        List<LogRecord> records = recordsOf(LayerSpec.lstm(1, 4));
        assertEquals(1, records.size());
        assertEquals(Level.WARNING, records.getFirst().getLevel());
        assertEquals("LSTM with normalization HASTE and inputSize 1 normalises x W_ih', which takes the size of a "
                + "single feature away: y depends on its sign alone. Choose normalization "
                + remedies(LayerSpec.lstm(1, 4)) + ", or more features",
                records.getFirst().getMessage());
    }

    @Test
    void theRemedyIsOneThatTheCellHas() {
        for (LayerSpec spec : List.of(LayerSpec.gru(1, 4), LayerSpec.indrnn(1, 4), LayerSpec.lstm(1, 2))) {
            String message = recordsOf(spec).getFirst().getMessage();
            assertTrue(message.endsWith("Choose normalization " + remedies(spec) + ", or more features"), message);
        }
    }

    /** The normalisations that nobody is warned of. */
    private static String remedies(LayerSpec spec) {
        return spec.cell().normalizations().stream()
                .filter(normalization -> recordsOf(spec.withNormalization(normalization)).isEmpty())
                .map(Normalization::name).collect(Collectors.joining(" or "));
    }

    /** What is said is so: whoever is warned of gives the same y whatever the size of x, and the others do not. */
    @ParameterizedTest
    @EnumSource(CellType.class)
    void whatIsSaidIsSo(CellType cell) {
        LayerSpec spec = LayerSpec.of(cell, 1, 8);
        for (Normalization normalization : cell.normalizations()) {
            LayerSpec other = spec.withNormalization(normalization);
            boolean warned = !recordsOf(other).isEmpty();
            double difference = differenceOfSizes(other);
            assertTrue(warned ? difference < 1e-3 : difference > 1e-2, other + ": " + difference);
        }
    }

    /** How far y is from that of x four times as large. */
    private static double differenceOfSizes(LayerSpec spec) {
        try (Device device = TestDevice.open(1); Layer layer = device.createLayer(spec).initialize(7)) {
            float[] small = layer.forward(new float[] {0.5f, 0.5f, 0.5f}, 3, 1).y();
            float[] large = layer.forward(new float[] {2, 2, 2}, 3, 1).y();
            double difference = 0;
            for (int i = 0; i < small.length; i++) {
                difference = Math.max(difference, Math.abs(small[i] - large[i]));
            }
            return difference;
        }
    }

    /** The upper layer reads what one unit of the lower one gives. */
    @Test
    void upperLayersAreWarnedOf() {
        List<LogRecord> records = recordsOf(LayerSpec.gru(3, 1).withLayers(2));
        assertEquals(1, records.size());
        assertTrue(records.getFirst().getMessage().contains("layers of one feature"), records.getFirst().getMessage());
    }

    /** A norm of one number is 0, of two a sign. */
    @Test
    void fewUnitsAreWarnedOf() {
        assertEquals("LSTM with normalization CELL and hiddenSize 1 normalises rows of one number, of which nothing is "
                + "left: y does not depend on x. Choose normalization NONE, or more units",
                recordsOf(LayerSpec.lstm(3, 1).withNormalization(Normalization.CELL)).getFirst().getMessage());
        assertEquals(
                "INDRNN with normalization HASTE and hiddenSize 2 normalises rows of two numbers, of which only the "
                        + "sign of their difference is left. Choose normalization NONE, or more units",
                recordsOf(LayerSpec.indrnn(3, 2)).getFirst().getMessage());
        assertEquals(1, recordsOf(LayerSpec.lstm(1, 1)).size());
    }

    @ParameterizedTest
    @MethodSource
    void nothingElseIsWarnedOf(LayerSpec spec) {
        assertEquals(List.of(), recordsOf(spec));
    }

    static Stream<LayerSpec> nothingElseIsWarnedOf() {
        return Stream.of(
                LayerSpec.lstm(1, 4).withNormalization(Normalization.NONE),
                LayerSpec.lstm(1, 4).withNormalization(Normalization.CELL),
                LayerSpec.lstm(1, 4).withNormalization(Normalization.PER_GATE_CARRY),
                LayerSpec.gru(1, 4).withNormalization(Normalization.JOINT),
                LayerSpec.gru(1, 4).withNormalization(Normalization.NONE),
                LayerSpec.lstm(2, 4),
                LayerSpec.lstm(2, 3),
                LayerSpec.lstm(2, 1).withNormalization(Normalization.NONE),
                LayerSpec.gru(2, 1),
                LayerSpec.gru(2, 1).withLayers(2).withDirection(Direction.BIDIRECTIONAL));
    }

    private static List<LogRecord> recordsOf(LayerSpec spec) {
        List<LogRecord> records = new ArrayList<>();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord record) {
                records.add(record);
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        LOGGER.addHandler(handler);
        LOGGER.setUseParentHandlers(false);
        try (Device device = TestDevice.open(1)) {
            device.createLayer(spec);
        } finally {
            LOGGER.setUseParentHandlers(true);
            LOGGER.removeHandler(handler);
        }
        return records;
    }
}
