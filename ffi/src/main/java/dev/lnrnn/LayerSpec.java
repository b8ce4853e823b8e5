package dev.lnrnn;

import java.util.Objects;

/**
 * What a stack of layers computes. Immutable; start with {@link #lstm} and change what differs:
 *
 * {@snippet :
 * LayerSpec spec = LayerSpec.lstm(64, 128).withNormalization(Normalization.NONE).withZoneout(0.1);
 * }
 *
 * <p>What makes no sense anywhere is refused here; what is legal but not there yet on a device is refused with
 * {@link Status#NOT_SUPPORTED} when a plan or layer is made of it.
 *
 * @param cell the recurrent cell
 * @param normalization where layer normalisation stands in it
 * @param dataType the type of x, y, states and parameters
 * @param direction in which order steps are read
 * @param layers the number of layers L on top of each other, at least 1
 * @param inputSize features C of one step of the input, 1...2<sup>40</sup>
 * @param hiddenSize features H of one step of the state, 1...2<sup>40</sup>
 * @param epsilon what every layer norm adds to the variance inside the root, greater than 0
 * @param zoneout probability that an element of h keeps its old value in training, 0...1 (Krueger et al. 2016)
 * @param zoneoutCell the same for the carried c of an LSTM, 0...1
 * @param dropconnect probability that a weight of weight_hh is dropped in training, 0...1
 * @param dropout probability that an element between two layers is dropped in training, 0...1
 */
public record LayerSpec(
        CellType cell,
        Normalization normalization,
        DataType dataType,
        Direction direction,
        int layers,
        long inputSize,
        long hiddenSize,
        double epsilon,
        double zoneout,
        double zoneoutCell,
        double dropconnect,
        double dropout) {

    /** Beyond any machine's memory, and small enough that sums and products of a few sizes do not overflow. */
    private static final long MAX_SIZE = 1L << 40;

    /**
     * Checks everything that is known without a device.
     *
     * @throws IllegalArgumentException if a value is out of its range or values contradict each other
     */
    public LayerSpec {
        Objects.requireNonNull(cell, "cell");
        Objects.requireNonNull(normalization, "normalization");
        Objects.requireNonNull(dataType, "dataType");
        Objects.requireNonNull(direction, "direction");
        checkRange("layers", layers, Integer.MAX_VALUE);
        checkRange("inputSize", inputSize, MAX_SIZE);
        checkRange("hiddenSize", hiddenSize, MAX_SIZE);
        if (!(epsilon > 0 && epsilon < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("epsilon is " + epsilon + ", expected a finite number above 0");
        }
        checkProbability("zoneout", zoneout);
        checkProbability("zoneoutCell", zoneoutCell);
        checkProbability("dropconnect", dropconnect);
        checkProbability("dropout", dropout);
        if (cell != CellType.LSTM) {
            if (normalization != Normalization.NONE && normalization != Normalization.HASTE) {
                throw new IllegalArgumentException(
                        "normalization is " + normalization + ", expected NONE or HASTE for " + cell);
            }
            if (zoneoutCell != 0) {
                throw new IllegalArgumentException(
                        "zoneoutCell is " + zoneoutCell + ", expected 0 for " + cell + ", which has no c");
            }
        }
        if (cell == CellType.INDRNN && dropconnect != 0) {
            throw new IllegalArgumentException(
                    "dropconnect is " + dropconnect + ", expected 0 for INDRNN, which has no recurrent matrix");
        }
    }

    /**
     * {@return one LSTM layer, forward, float32, layer-normalised as {@link Normalization#HASTE}, epsilon 1e-5, without
     * regularisation}
     *
     * @param inputSize features C of one step of the input
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

    private static LayerSpec of(CellType cell, long inputSize, long hiddenSize) {
        return new LayerSpec(cell, Normalization.HASTE, DataType.F32, Direction.FORWARD, 1, inputSize, hiddenSize,
                1e-5, 0, 0, 0, 0);
    }

    /**
     * {@return this description with another normalization}
     *
     * @param normalization where layer normalisation stands
     */
    public LayerSpec withNormalization(Normalization normalization) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize,
                epsilon, zoneout, zoneoutCell, dropconnect, dropout);
    }

    /**
     * {@return this description with another dataType}
     *
     * @param dataType the type of x, y, states and parameters
     */
    public LayerSpec withDataType(DataType dataType) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize,
                epsilon, zoneout, zoneoutCell, dropconnect, dropout);
    }

    /**
     * {@return this description with another direction}
     *
     * @param direction in which order steps are read
     */
    public LayerSpec withDirection(Direction direction) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize,
                epsilon, zoneout, zoneoutCell, dropconnect, dropout);
    }

    /**
     * {@return this description with another layers}
     *
     * @param layers the number of layers, at least 1
     */
    public LayerSpec withLayers(int layers) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize,
                epsilon, zoneout, zoneoutCell, dropconnect, dropout);
    }

    /**
     * {@return this description with another epsilon}
     *
     * @param epsilon what every layer norm adds to the variance, above 0
     */
    public LayerSpec withEpsilon(double epsilon) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize,
                epsilon, zoneout, zoneoutCell, dropconnect, dropout);
    }

    /**
     * {@return this description with another zoneout}
     *
     * @param zoneout probability that an element of h keeps its old value, 0...1
     */
    public LayerSpec withZoneout(double zoneout) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize,
                epsilon, zoneout, zoneoutCell, dropconnect, dropout);
    }

    /**
     * {@return this description with another zoneoutCell}
     *
     * @param zoneoutCell probability that an element of c keeps its old value, 0...1
     */
    public LayerSpec withZoneoutCell(double zoneoutCell) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize,
                epsilon, zoneout, zoneoutCell, dropconnect, dropout);
    }

    /**
     * {@return this description with another dropconnect}
     *
     * @param dropconnect probability that a weight of weight_hh is dropped, 0...1
     */
    public LayerSpec withDropconnect(double dropconnect) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize,
                epsilon, zoneout, zoneoutCell, dropconnect, dropout);
    }

    /**
     * {@return this description with another dropout}
     *
     * @param dropout probability that an element between layers is dropped, 0...1
     */
    public LayerSpec withDropout(double dropout) {
        return new LayerSpec(cell, normalization, dataType, direction, layers, inputSize, hiddenSize,
                epsilon, zoneout, zoneoutCell, dropconnect, dropout);
    }

    /** {@return the features of one step of y: D&middot;H} */
    public long outputSize() {
        return direction.count() * hiddenSize;
    }

    /** {@return the number of states in h0, hn and their like: L&middot;D} */
    public long states() {
        return (long) layers * direction.count();
    }

    private static void checkRange(String name, long value, long max) {
        if (value < 1 || value > max) {
            throw new IllegalArgumentException(name + " is " + value + ", expected 1..." + max);
        }
    }

    private static void checkProbability(String name, double value) {
        if (!(value >= 0 && value <= 1)) {
            throw new IllegalArgumentException(name + " is " + value + ", expected a probability in 0...1");
        }
    }
}
