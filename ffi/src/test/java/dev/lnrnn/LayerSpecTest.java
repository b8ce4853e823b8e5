package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a description can say, and what it refuses to say. */
class LayerSpecTest {

    private static final LayerSpec LSTM = LayerSpec.lstm(3, 4);
    private static final LayerSpec GRU = LayerSpec.gru(3, 4);
    private static final LayerSpec INDRNN = LayerSpec.indrnn(3, 4);
    private static final LayerSpec STACK = LSTM.withLayers(3);

    private static final String NORMAL_FLOAT = "a normal number of F32, which layer norms are computed in: "
            + Float.MIN_NORMAL + "..." + Float.MAX_VALUE;

    @Test
    void everyNumberArrivesWhereItBelongs() {
        LayerSpec spec = LayerSpec.lstm(64, 128)
                .withNormalization(Normalization.CARRY)
                .withDataType(DataType.BF16)
                .withDirection(Direction.BIDIRECTIONAL)
                .withLayers(3)
                .withEpsilon(1e-3)
                .withZoneout(0.1)
                .withZoneoutCell(0.2)
                .withDropconnect(0.3)
                .withDropout(0.4)
                .withVariationalDropout(true)
                .withRecompute(true)
                .withDeterministic(true);
        assertEquals(new LayerSpec(CellType.LSTM, Normalization.CARRY, DataType.BF16, Direction.BIDIRECTIONAL, 3, 64,
                128, 1e-3, new Regularization(0.1, 0.2, 0.3, 0.4, true), new Execution(true, true)), spec);
        assertEquals(List.of(0.1, 0.2, 0.3, 0.4),
                List.of(spec.zoneout(), spec.zoneoutCell(), spec.dropconnect(), spec.dropout()));
        assertEquals(256, spec.outputSize());
        assertEquals(6, spec.states());
    }

    /** All that a cell has is written in one chain, from whatever was there before. */
    @Test
    void everythingCanBeTakenBack() {
        LayerSpec rich = STACK.withDropout(0.4).withVariationalDropout(true).withZoneout(0.5).withRecompute(true);
        assertEquals(LSTM, rich.withRegularization(Regularization.NONE).withExecution(Execution.DEFAULT).withLayers(1));
    }

    @Test
    void statesAreOfTheAccumulationType() {
        assertEquals(DataType.F32, DataType.F16.accumulation());
        assertEquals(DataType.F32, DataType.BF16.accumulation());
        assertEquals(DataType.F32, DataType.F32.accumulation());
        assertEquals(DataType.F64, DataType.F64.accumulation());
    }

    static Stream<Arguments> illegal() {
        return Stream.of(
                refusal("layers is 0, expected 1...1024", LSTM, spec -> spec.withLayers(0)),
                refusal("layers is 1025, expected 1...1024", LSTM, spec -> spec.withLayers(1025)),
                refusal("dropout is 0.2, expected 0 for a single layer, which has none above it", LSTM,
                        spec -> spec.withDropout(0.2)),
                refusal("dropout is 0.2, expected 0 for a single layer, which has none above it",
                        STACK.withDropout(0.2), spec -> spec.withLayers(1)),
                refusal("variationalDropout is true, expected false where dropout is 0", STACK,
                        spec -> spec.withVariationalDropout(true)),
                refusal("zoneoutCell is 0.1, expected 0 for GRU, which has no c", GRU,
                        spec -> spec.withZoneoutCell(0.1)),
                refusal("zoneoutCell is 0.1, expected 0 for INDRNN, which has no c", INDRNN,
                        spec -> spec.withZoneoutCell(0.1)),
                refusal("dropconnect is 0.1, expected 0 for INDRNN, which has no recurrent matrix", INDRNN,
                        spec -> spec.withDropconnect(0.1)),
                refusal("normalization is PAPER, expected one of [NONE, HASTE] for GRU", GRU,
                        spec -> spec.withNormalization(Normalization.PAPER)),
                refusal("normalization is CARRY, expected one of [NONE, HASTE] for INDRNN", INDRNN,
                        spec -> spec.withNormalization(Normalization.CARRY)),
                refusal("normalization is CELL, expected one of [NONE, HASTE] for GRU", GRU,
                        spec -> spec.withNormalization(Normalization.CELL)),
                refusal("dropout is NaN, expected a probability in 0...1", STACK,
                        spec -> spec.withDropout(Double.NaN)),
                refusal("zoneoutCell is -0.5, expected a probability in 0...1", LSTM,
                        spec -> spec.withZoneoutCell(-0.5)),
                refusal("epsilon is Infinity, expected " + NORMAL_FLOAT, LSTM,
                        spec -> spec.withEpsilon(Double.POSITIVE_INFINITY)),
                refusal("epsilon is NaN, expected " + NORMAL_FLOAT, LSTM, spec -> spec.withEpsilon(Double.NaN)),
                refusal("epsilon is 1.0E-46, expected " + NORMAL_FLOAT, LSTM, spec -> spec.withEpsilon(1e-46)),
                refusal("epsilon is 1.0E-42, expected " + NORMAL_FLOAT, LSTM.withDataType(DataType.BF16),
                        spec -> spec.withEpsilon(1e-42)),
                refusal("epsilon is 1.0E39, expected " + NORMAL_FLOAT, LSTM.withDataType(DataType.F16),
                        spec -> spec.withEpsilon(1e39)),
                refusal("epsilon is 1.0E-46, expected " + NORMAL_FLOAT,
                        LSTM.withDataType(DataType.F64).withEpsilon(1e-46), spec -> spec.withDataType(DataType.F32)),
                refusal("epsilon is 4.9E-324, expected a normal number of F64, which layer norms are computed in: "
                        + Double.MIN_NORMAL + "..." + Double.MAX_VALUE, LSTM.withDataType(DataType.F64),
                        spec -> spec.withEpsilon(Double.MIN_VALUE)));
    }

    private static Arguments refusal(String message, LayerSpec spec, UnaryOperator<LayerSpec> change) {
        return Arguments.of(message, spec, change);
    }

    @ParameterizedTest
    @MethodSource
    void illegal(String message, LayerSpec spec, UnaryOperator<LayerSpec> change) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, () -> change.apply(spec)).getMessage());
    }

    @Test
    void nothingIsLeftOut() {
        assertEquals("regularization",
                assertThrows(NullPointerException.class, () -> LSTM.withRegularization(null)).getMessage());
        assertEquals("execution",
                assertThrows(NullPointerException.class, () -> LSTM.withExecution(null)).getMessage());
    }
}
