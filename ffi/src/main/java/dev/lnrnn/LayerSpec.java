package dev.lnrnn;

import java.util.Map;
import java.util.Objects;

/**
 * Describes a stack of layers. Immutable. Start with {@link #lstm}, {@link #gru} or {@link #indrnn}, and change the
 * values that differ:
 *
 * {@snippet :
 * LayerSpec plain = LayerSpec.gru(64, 128).withNormalization(Normalization.NONE);
 * LayerSpec stack = LayerSpec.lstm(64, 128)            // y is (T,N,256): both directions side by side
 *         .withDirection(Direction.BIDIRECTIONAL)
 *         .withLayers(3)                               // layers 1 and 2 read the 256 features below them
 *         .withDropout(0.2)
 *         .withZoneout(0.1);
 * }
 *
 * <p>The options can be set in any order. Each value is checked when it is set. If values contradict each other, such
 * as dropout in a single layer, {@link #validate()} throws. Creating a plan or a layer calls it, and so does
 * {@link #toMetadata()}. If a device does not support a description, creating a plan or layer throws
 * {@link Status#NOT_SUPPORTED}.
 *
 * @param cell the recurrent cell
 * @param normalization where layer normalisation stands in it, one of {@link CellType#normalizations()}
 * @param dataType the type of x, y and the parameters
 * @param direction the order in which steps are read
 * @param layers the number of layers L on top of each other, 1...1024
 * @param inputSize features C of one step of the input, 1...2<sup>40</sup>
 * @param hiddenSize units H of the cell: features of h, and of c, 1...2<sup>40</sup>
 * @param projectionSize features P of h if the LSTM projects it, 1...2<sup>40</sup>, or 0 for no projection: h then has
 *     the H features of the cell (PyTorch's {@code proj_size}; cuDNN, TensorFlow Lite, lingvo)
 * @param epsilon the number that every layer norm adds to the variance inside the root, a positive normal number of the
 *     {@linkplain DataType#accumulation() accumulation type}, at least 1.18e-38 for all but {@link DataType#F64}
 * @param cellClip the size at which the LSTM limits u, before u is normalised and carried, a positive normal number of
 *     the accumulation type, or 0 for no limit (cuDNN, TensorFlow Lite, lingvo)
 * @param regularization stochastic regularisation applied in training
 * @param execution options that affect cost, not results
 */
public record LayerSpec(
        CellType cell,
        Normalization normalization,
        DataType dataType,
        Direction direction,
        int layers,
        long inputSize,
        long hiddenSize,
        long projectionSize,
        double epsilon,
        double cellClip,
        Regularization regularization,
        Execution execution) {

    /** Beyond any machine's memory, and small enough that sums and products of a few sizes do not overflow. */
    private static final long MAX_SIZE = 1L << 40;

    private static final int MAX_LAYERS = 1024;

    /**
     * Checks each value by itself.
     *
     * @throws IllegalArgumentException if a value is out of its range
     */
    public LayerSpec {
        Objects.requireNonNull(cell, "cell");
        Objects.requireNonNull(normalization, "normalization");
        Objects.requireNonNull(dataType, "dataType");
        Objects.requireNonNull(direction, "direction");
        Objects.requireNonNull(regularization, "regularization");
        Objects.requireNonNull(execution, "execution");
        SpecChecks.range("layers", layers, 1, MAX_LAYERS);
        SpecChecks.range("inputSize", inputSize, 1, MAX_SIZE);
        SpecChecks.range("hiddenSize", hiddenSize, 1, MAX_SIZE);
        SpecChecks.range("projectionSize", projectionSize, 0, MAX_SIZE);
        if (!(epsilon > 0 && epsilon <= Double.MAX_VALUE)) {
            throw new IllegalArgumentException("epsilon is " + epsilon + ", expected a positive finite number");
        }
        if (!(cellClip >= 0 && cellClip <= Double.MAX_VALUE)) {
            throw new IllegalArgumentException(
                    "cellClip is " + cellClip + ", expected a positive finite number, or 0 for no limit");
        }
    }

    /**
     * Checks that no two values contradict each other.
     *
     * @return this description
     * @throws IllegalArgumentException if two values contradict each other; the message names both
     */
    public LayerSpec validate() {
        SpecChecks.contradictions(this);
        return this;
    }

    /**
     * {@return one LSTM layer, forward, float32, layer-normalised as {@link Normalization#HASTE}, epsilon 1e-5, without
     * regularisation}
     *
     * @param inputSize features C of one step of the input. For a series of one variable choose another
     *     {@link #withNormalization normalization}: this one keeps only the sign of a single feature
     * @param hiddenSize features H of one step of the state
     */
    public static LayerSpec lstm(long inputSize, long hiddenSize) {
        return of(CellType.LSTM, inputSize, hiddenSize);
    }

    /**
     * {@return as {@link #lstm}, one GRU layer}
     *
     * @param inputSize features C of one step of the input
     * @param hiddenSize features H of one step of the state
     */
    public static LayerSpec gru(long inputSize, long hiddenSize) {
        return of(CellType.GRU, inputSize, hiddenSize);
    }

    /**
     * {@return as {@link #lstm}, one IndRNN layer}
     *
     * @param inputSize features C of one step of the input
     * @param hiddenSize features H of one step of the state
     */
    public static LayerSpec indrnn(long inputSize, long hiddenSize) {
        return of(CellType.INDRNN, inputSize, hiddenSize);
    }

    /**
     * {@return as {@link #lstm}, one layer of any cell}
     *
     * @param cell the recurrent cell
     * @param inputSize features C of one step of the input
     * @param hiddenSize features H of one step of the state
     */
    public static LayerSpec of(CellType cell, long inputSize, long hiddenSize) {
        return new LayerSpec(cell, Normalization.HASTE, DataType.F32, Direction.FORWARD, 1, inputSize, hiddenSize, 0,
                1e-5, 0, Regularization.NONE, Execution.DEFAULT);
    }

    /**
     * {@return this description with another cell}
     *
     * @param cell the recurrent cell
     */
    public LayerSpec withCell(CellType cell) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize, projectionSize,
                epsilon, cellClip, regularization, execution);
    }

    /**
     * {@return this description with another normalization}
     *
     * @param normalization where layer normalisation stands
     */
    public LayerSpec withNormalization(Normalization normalization) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize, projectionSize,
                epsilon, cellClip, regularization, execution);
    }

    /**
     * {@return this description with another dataType}
     *
     * @param dataType the type of x, y and the parameters
     */
    public LayerSpec withDataType(DataType dataType) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize, projectionSize,
                epsilon, cellClip, regularization, execution);
    }

    /**
     * {@return this description with another direction}
     *
     * @param direction the order in which steps are read
     */
    public LayerSpec withDirection(Direction direction) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize, projectionSize,
                epsilon, cellClip, regularization, execution);
    }

    /**
     * {@return this description with another number of layers}
     *
     * @param layers the number of layers, 1...1024
     */
    public LayerSpec withLayers(int layers) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize, projectionSize,
                epsilon, cellClip, regularization, execution);
    }

    /**
     * {@return this description with another epsilon}
     *
     * @param epsilon the number that every layer norm adds to the variance, a positive normal number of the
     *     accumulation type
     */
    public LayerSpec withEpsilon(double epsilon) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize, projectionSize,
                epsilon, cellClip, regularization, execution);
    }

    /**
     * {@return this description with another projectionSize} Then h, y, zoneout and what a layer above reads are P
     * wide, and {@code weight_hr} (P,H) is one more parameter; c stays H wide. P may be larger than H.
     *
     * @param projectionSize features P of h, or 0 for no projection; only for an LSTM
     */
    public LayerSpec withProjection(long projectionSize) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize, projectionSize,
                epsilon, cellClip, regularization, execution);
    }

    /**
     * {@return this description with another cellClip} NaN stays NaN. The gradient of u is 0 where u was
     * beyond the limit.
     *
     * @param cellClip the largest size of an element of u, or 0 for no limit; only for an LSTM
     */
    public LayerSpec withCellClip(double cellClip) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize, projectionSize,
                epsilon, cellClip, regularization, execution);
    }

    /**
     * {@return this description with another regularization}
     *
     * @param regularization stochastic regularisation applied in training
     */
    public LayerSpec withRegularization(Regularization regularization) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize, projectionSize,
                epsilon, cellClip, regularization, execution);
    }

    /**
     * {@return this description with another execution}
     *
     * @param execution options that affect cost, not results
     */
    public LayerSpec withExecution(Execution execution) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize, projectionSize,
                epsilon, cellClip, regularization, execution);
    }

    /**
     * {@return this description with another zoneout}
     *
     * @param zoneout probability that an element of h keeps its old value, 0...1
     */
    public LayerSpec withZoneout(double zoneout) {
        return withRegularization(regularization.withZoneout(zoneout));
    }

    /**
     * {@return this description with another zoneoutCell}
     *
     * @param zoneoutCell probability that an element of c keeps its old value, 0...1
     */
    public LayerSpec withZoneoutCell(double zoneoutCell) {
        return withRegularization(regularization.withZoneoutCell(zoneoutCell));
    }

    /**
     * {@return this description with another dropconnect}
     *
     * @param dropconnect probability that a weight of weight_hh is dropped, 0...1
     */
    public LayerSpec withDropconnect(double dropconnect) {
        return withRegularization(regularization.withDropconnect(dropconnect));
    }

    /**
     * {@return this description with another dropout}
     *
     * @param dropout probability that an element between layers is dropped, 0...1
     */
    public LayerSpec withDropout(double dropout) {
        return withRegularization(regularization.withDropout(dropout));
    }

    /**
     * {@return this description with another dropoutCandidate}
     *
     * @param dropoutCandidate probability that an element of an LSTM's candidate g is dropped, 0...1
     */
    public LayerSpec withDropoutCandidate(double dropoutCandidate) {
        return withRegularization(regularization.withDropoutCandidate(dropoutCandidate));
    }

    /**
     * {@return this description with another variationalDropout}
     *
     * @param variationalDropout whether all steps of a row share one dropout mask
     */
    public LayerSpec withVariationalDropout(boolean variationalDropout) {
        return withRegularization(regularization.withVariationalDropout(variationalDropout));
    }

    /**
     * {@return this description with another recompute}
     *
     * @param recompute whether training stores fewer activations and recomputes them in backward
     */
    public LayerSpec withRecompute(boolean recompute) {
        return withExecution(execution.withRecompute(recompute));
    }

    /**
     * {@return this description with another deterministic}
     *
     * @param deterministic whether repeated calls on one device give bit-identical gradients
     */
    public LayerSpec withDeterministic(boolean deterministic) {
        return withExecution(execution.withDeterministic(deterministic));
    }

    /**
     * {@return this description as the metadata of a file, as {@link Layer#save} writes it} Keys are names like
     * {@code hidden_size}; {@code format} is {@code lnrnn} and {@code lnrnn.format} is the version of these keys.
     *
     * @throws IllegalArgumentException if two values contradict each other
     */
    public Map<String, String> toMetadata() {
        return SpecMetadata.write(validate());
    }

    /**
     * {@return the description in a file's metadata}
     *
     * @param metadata the entries of {@link #toMetadata()}; other entries are ignored
     * @throws IllegalArgumentException if an entry is missing, unknown to this version or invalid, or the format is
     *     newer than this version reads
     */
    public static LayerSpec ofMetadata(Map<String, String> metadata) {
        return SpecMetadata.read(Objects.requireNonNull(metadata, "metadata"));
    }

    /** {@return {@link Regularization#zoneout}} */
    public double zoneout() {
        return regularization.zoneout();
    }

    /** {@return {@link Regularization#zoneoutCell}} */
    public double zoneoutCell() {
        return regularization.zoneoutCell();
    }

    /** {@return {@link Regularization#dropconnect}} */
    public double dropconnect() {
        return regularization.dropconnect();
    }

    /** {@return {@link Regularization#dropout}} */
    public double dropout() {
        return regularization.dropout();
    }

    /** {@return {@link Regularization#dropoutCandidate}} */
    public double dropoutCandidate() {
        return regularization.dropoutCandidate();
    }

    /** {@return the features P of h, and of y in one direction: projectionSize, or hiddenSize where that is 0} */
    public long outputWidth() {
        return projectionSize > 0 ? projectionSize : hiddenSize;
    }

    /** {@return the features of one step of y: D&middot;P} */
    public long outputSize() {
        return direction.count() * outputWidth();
    }

    /** {@return the number of states in h0, hn, c0 and cn: L&middot;D} */
    public long states() {
        return (long) layers * direction.count();
    }
}
