package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a description can say, and what it refuses to say. */
class LayerSpecTest {

    private static final LayerSpec LSTM = LayerSpec.lstm(3, 4);
    private static final LayerSpec GRU = LayerSpec.gru(3, 4);
    private static final LayerSpec INDRNN = LayerSpec.indrnn(3, 4);
    private static final LayerSpec STACK = LSTM.withLayers(3);

    private static final String NORMAL_FLOAT = Float.MIN_NORMAL + "..." + Float.MAX_VALUE;

    @Test
    void everyNumberArrivesWhereItBelongs() {
        LayerSpec spec = LayerSpec.lstm(64, 128)
                .withNormalization(Normalization.CARRY)
                .withDataType(DataType.BF16)
                .withDirection(Direction.BIDIRECTIONAL)
                .withLayers(3)
                .withEpsilon(1e-3)
                .withProjection(32)
                .withCellClip(3)
                .withZoneout(0.1)
                .withZoneoutCell(0.2)
                .withDropconnect(0.3)
                .withDropout(0.4)
                .withVariationalDropout(true)
                .withDropoutCandidate(0.5)
                .withRecompute(true)
                .withDeterministic(true)
                .validate();
        assertEquals(new LayerSpec(CellType.LSTM, Normalization.CARRY, DataType.BF16, Direction.BIDIRECTIONAL, 3, 64,
                128, 32, 1e-3, 3, new Regularization(0.1, 0.2, 0.3, 0.4, true, 0.5), new Execution(true, true)), spec);
        assertEquals(List.of(0.1, 0.2, 0.3, 0.4, 0.5), List.of(spec.zoneout(), spec.zoneoutCell(), spec.dropconnect(),
                spec.dropout(), spec.dropoutCandidate()));
        assertEquals(32, spec.outputWidth());
        assertEquals(64, spec.outputSize());
        assertEquals(256, spec.withProjection(0).outputSize());
        assertEquals(6, spec.states());
    }

    /** All that a cell has is written in one chain, from whatever was there before. */
    @Test
    void everythingCanBeTakenBack() {
        LayerSpec rich = STACK.withDropout(0.4).withVariationalDropout(true).withZoneout(0.5)
                .withDropoutCandidate(0.1).withRecompute(true);
        assertEquals(LSTM, rich.withRegularization(Regularization.NONE).withExecution(Execution.DEFAULT).withLayers(1));
    }

    @Test
    void statesAreOfTheAccumulationType() {
        assertEquals(DataType.F32, DataType.F16.accumulation());
        assertEquals(DataType.F32, DataType.BF16.accumulation());
        assertEquals(DataType.F32, DataType.F32.accumulation());
        assertEquals(DataType.F64, DataType.F64.accumulation());
    }

    /** Each option that needs another one, set before it. */
    @Test
    void optionsAreSetInAnyOrder() {
        assertEquals(LSTM.withLayers(3).withDropout(0.2).withVariationalDropout(true),
                LSTM.withVariationalDropout(true).withDropout(0.2).withLayers(3).validate());
        assertEquals(STACK.withDropout(0),
                STACK.withDropout(0.2).withLayers(1).withLayers(3).withDropout(0).validate());
        assertEquals(LSTM.withProjection(2).withCellClip(1),
                GRU.withCellClip(1).withProjection(2).withCell(CellType.LSTM).validate());
        assertEquals(LSTM.withZoneoutCell(0.1), GRU.withZoneoutCell(0.1).withCell(CellType.LSTM).validate());
        assertEquals(LSTM.withNormalization(Normalization.CARRY),
                GRU.withNormalization(Normalization.CARRY).withCell(CellType.LSTM).validate());
        assertEquals(GRU.withDropconnect(0.1), INDRNN.withDropconnect(0.1).withCell(CellType.GRU).validate());
        assertEquals(LSTM.withDataType(DataType.F64).withEpsilon(1e-46),
                LSTM.withEpsilon(1e-46).withDataType(DataType.F64).validate());
    }

    static Stream<Arguments> outOfRange() {
        return Stream.of(
                refusal("layers is 0, expected 1...1024", LSTM, spec -> spec.withLayers(0)),
                refusal("layers is 1025, expected 1...1024", LSTM, spec -> spec.withLayers(1025)),
                refusal("dropout is NaN, expected a probability in 0...1", STACK,
                        spec -> spec.withDropout(Double.NaN)),
                refusal("zoneoutCell is -0.5, expected a probability in 0...1", LSTM,
                        spec -> spec.withZoneoutCell(-0.5)),
                refusal("dropoutCandidate is 2.0, expected a probability in 0...1", LSTM,
                        spec -> spec.withDropoutCandidate(2)),
                refusal("epsilon is Infinity, expected a positive finite number", LSTM,
                        spec -> spec.withEpsilon(Double.POSITIVE_INFINITY)),
                refusal("epsilon is NaN, expected a positive finite number", LSTM,
                        spec -> spec.withEpsilon(Double.NaN)),
                refusal("epsilon is 0.0, expected a positive finite number", LSTM, spec -> spec.withEpsilon(0)),
                refusal("projectionSize is -1, expected 0...1099511627776", LSTM, spec -> spec.withProjection(-1)),
                refusal("projectionSize is 1099511627777, expected 0...1099511627776", LSTM,
                        spec -> spec.withProjection((1L << 40) + 1)),
                refusal("cellClip is NaN, expected a positive finite number, or 0 for no limit", LSTM,
                        spec -> spec.withCellClip(Double.NaN)),
                refusal("cellClip is -3.0, expected a positive finite number, or 0 for no limit", LSTM,
                        spec -> spec.withCellClip(-3)),
                refusal("cellClip is Infinity, expected a positive finite number, or 0 for no limit", LSTM,
                        spec -> spec.withCellClip(Double.POSITIVE_INFINITY)));
    }

    @ParameterizedTest
    @MethodSource
    void outOfRange(String message, LayerSpec spec, UnaryOperator<LayerSpec> change) {
        assertRefused(message, () -> change.apply(spec));
    }

    static Stream<Arguments> contradictions() {
        String alone = " and layers is 1, expected dropout 0 or at least 2 layers: dropout stands between layers";
        return Stream.of(
                Arguments.of("dropout is 0.2" + alone, LSTM.withDropout(0.2)),
                Arguments.of("dropout is 0.2" + alone, STACK.withDropout(0.2).withLayers(1)),
                Arguments.of(
                        "variationalDropout is true and dropout is 0, expected variationalDropout false or some dropout",
                        STACK.withVariationalDropout(true)),
                Arguments.of("zoneoutCell is 0.1 and cell is GRU, which has no c: expected zoneoutCell 0",
                        GRU.withZoneoutCell(0.1)),
                Arguments.of("dropoutCandidate is 0.1 and cell is GRU, which has no c: expected dropoutCandidate 0",
                        GRU.withDropoutCandidate(0.1)),
                Arguments.of("zoneoutCell is 0.1 and cell is INDRNN, which has no c: expected zoneoutCell 0",
                        INDRNN.withZoneoutCell(0.1)),
                Arguments.of("projectionSize is 2 and cell is GRU, which has no projection: expected projectionSize 0",
                        GRU.withProjection(2)),
                Arguments.of("cellClip is 2.0 and cell is INDRNN, which has no c: expected cellClip 0",
                        INDRNN.withCellClip(2)),
                Arguments.of("cellClip is 1.0E39 and dataType is F16, whose cell is computed in F32: expected cellClip "
                        + "0 or " + NORMAL_FLOAT, LSTM.withDataType(DataType.F16).withCellClip(1e39)),
                Arguments
                        .of("cellClip is 1.0E-42 and dataType is F32, whose cell is computed in F32: expected cellClip "
                                + "0 or " + NORMAL_FLOAT, LSTM.withCellClip(1e-42)),
                Arguments.of(
                        "dropconnect is 0.1 and cell is INDRNN, which has no recurrent matrix: expected dropconnect 0",
                        INDRNN.withDropconnect(0.1)),
                Arguments.of(
                        "normalization is CARRY and cell is INDRNN, expected one of the normalizations [NONE, HASTE]",
                        INDRNN.withNormalization(Normalization.CARRY)),
                Arguments.of("normalization is CELL and cell is GRU, expected one of the normalizations "
                        + CellType.GRU.normalizations(),
                        LSTM.withNormalization(Normalization.CELL).withCell(CellType.GRU)),
                epsilon("1.0E-46 and dataType is F32", "F32", NORMAL_FLOAT, LSTM.withEpsilon(1e-46)),
                epsilon("1.0E-42 and dataType is BF16", "F32", NORMAL_FLOAT,
                        LSTM.withDataType(DataType.BF16).withEpsilon(1e-42)),
                epsilon("1.0E39 and dataType is F16", "F32", NORMAL_FLOAT,
                        LSTM.withDataType(DataType.F16).withEpsilon(1e39)),
                epsilon("1.0E-46 and dataType is F32", "F32", NORMAL_FLOAT,
                        LSTM.withDataType(DataType.F64).withEpsilon(1e-46).withDataType(DataType.F32)),
                epsilon("4.9E-324 and dataType is F64", "F64", Double.MIN_NORMAL + "..." + Double.MAX_VALUE,
                        LSTM.withDataType(DataType.F64).withEpsilon(Double.MIN_VALUE)));
    }

    private static Arguments epsilon(String values, String accumulation, String range, LayerSpec spec) {
        return Arguments.of("epsilon is " + values + ", whose layer norms are computed in " + accumulation
                + ": expected epsilon in " + range, spec);
    }

    /** At the latest where the description is first used, and always in the same words. */
    @ParameterizedTest
    @MethodSource
    void contradictions(String message, LayerSpec spec) {
        assertRefused(message, spec::validate);
        assertRefused(message, spec::toMetadata);
        try (Device device = Device.cpu()) {
            assertRefused(message, () -> device.createPlan(spec));
            assertRefused(message, () -> device.createLayer(spec));
        }
    }

    private static void assertRefused(String message, Executable use) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, use).getMessage());
    }

    private static Arguments refusal(String message, LayerSpec spec, UnaryOperator<LayerSpec> change) {
        return Arguments.of(message, spec, change);
    }

    @Test
    void nothingIsLeftOut() {
        assertEquals("regularization",
                assertThrows(NullPointerException.class, () -> LSTM.withRegularization(null)).getMessage());
        assertEquals("execution",
                assertThrows(NullPointerException.class, () -> LSTM.withExecution(null)).getMessage());
    }
}
