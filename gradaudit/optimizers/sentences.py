"""The sentences with which SciPy's solvers end, a table for each solver.

They were read in the sources of SciPy 1.12 to 1.18. A row holds a part of the sentence, without the
numbers in it, and what it means.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Kind = Literal[
    "converged",
    "limit",
    "line-search",
    "precision",
    "non-finite",
    "constraints",
    "curvature",
    "no-progress",
    "stopped-by-callback",
    "error",
    "unknown",
]


class Row(NamedTuple):
    """One message: a part of it that occurs in no other message of the same solver."""

    fragment: str  # lower case, single spaces
    kind: Kind
    text: str
    tolerance: str = ""


# Texts that several tables share.

_SUCCESS: Final = "optimization terminated successfully"
_MAX_ITERATIONS: Final = "maximum number of iterations has been exceeded"
_MAX_EVALUATIONS: Final = "maximum number of function evaluations has been exceeded"
_PRECISION_LOSS: Final = "desired error not necessarily achieved due to precision loss"
_NAN: Final = "nan result encountered"
_OUT_OF_ITERATIONS: Final = "It used up the iterations it was allowed before its own test was met."
_OUT_OF_EVALUATIONS: Final = (
    "It used up the function evaluations it was allowed before its own test was met."
)
_CALLBACK: Final = "The callback asked it to stop."
_SMALL_GRADIENT: Final = "The gradient it was given is below the tolerance."
_NO_WOLFE_STEP: Final = (
    "The line search found no step along its direction that lowers f as the returned gradient "
    "promises; a value that is not finite is reported in the same words."
)
_SAW_NAN: Final = "A value, a gradient or a point became NaN."
_DAMAGING_ROUNDING: Final = (
    "Rounding errors have grown so large in its model of f that it cannot improve further."
)
_VIOLATED: Final = "It ended at a point that violates the constraints."

_LINE_SEARCH_METHOD: Final = (
    Row(_PRECISION_LOSS, "line-search", _NO_WOLFE_STEP, "gtol"),
    Row(_MAX_ITERATIONS, "limit", _OUT_OF_ITERATIONS, "maxiter"),
    Row(_NAN, "non-finite", _SAW_NAN),
    Row(
        "divide-by-zero encountered: rhok assumed large",
        "curvature",
        "The gradient did not change along the step, so the step told nothing about curvature.",
    ),
)
_TRUST_REGION: Final = (
    Row(_SUCCESS, "converged", _SMALL_GRADIENT, "gtol"),
    Row(_MAX_ITERATIONS, "limit", _OUT_OF_ITERATIONS, "maxiter"),
    Row(
        "a bad approximation caused failure to predict improvement",
        "no-progress",
        "The model built from f, gradient and Hessian promises no decrease at all any more, while "
        "the gradient is not small.",
        "gtol",
    ),
    Row(
        "a linalg error occurred, such as a non-psd hessian",
        "curvature",
        "The Hessian could not be factorized: not positive definite where the method needs it, or "
        "not finite.",
    ),
)
_MINPACK_LM: Final = (
    Row(
        "and the relative error between two consecutive iterates is at most",
        "converged",
        "The sum of squares fell by little, the linear model promised no more, and the last step "
        "was small against the parameters.",
        "ftol, xtol",
    ),
    Row(
        "both actual and predicted relative reductions",
        "converged",
        "The sum of squares fell by less than the tolerance, and the model promised no more.",
        "ftol",
    ),
    Row(
        "the relative error between two consecutive iterates is at most",
        "converged",
        "The last step was small against the parameters; this says nothing about the residuals.",
        "xtol",
    ),
    Row(
        "the cosine of the angle between func(x) and any column",
        "converged",
        "The residual vector is orthogonal to the columns of the Jacobian, within the tolerance.",
        "gtol",
    ),
    Row(
        "number of calls to function has reached maxfev",
        "limit",
        _OUT_OF_EVALUATIONS,
        "maxfev",
    ),
    Row(
        "no further reduction in the sum of squares is possible",
        "precision",
        "The sum of squares cannot be lowered further in floating-point arithmetic; the tolerance "
        "asked for more.",
        "ftol",
    ),
    Row(
        "no further improvement in the approximate solution is possible",
        "precision",
        "The parameters cannot be improved further in floating-point arithmetic; the tolerance "
        "asked for more.",
        "xtol",
    ),
    Row(
        "func(x) is orthogonal to the columns of the jacobian to machine precision",
        "precision",
        "The gradient of the sum of squares is zero to rounding; the tolerance asked for more.",
        "gtol",
    ),
    Row("improper input parameters", "error", "It refused its arguments before it began."),
)
_LEAST_SQUARES: Final = (
    Row(
        "both `ftol` and `xtol` termination conditions are satisfied",
        "converged",
        "The last step lowered the cost by little, and was short against the parameters.",
        "ftol, xtol",
    ),
    Row(
        "`gtol` termination condition is satisfied",
        "converged",
        "The gradient J'r, as the returned Jacobian gives it, is below the tolerance.",
        "gtol",
    ),
    Row(
        "`ftol` termination condition is satisfied",
        "converged",
        "The last step lowered the cost by little; this says nothing about the gradient.",
        "ftol",
    ),
    Row(
        "`xtol` termination condition is satisfied",
        "converged",
        "The last step was short against the parameters; steps also become short when the Jacobian "
        "is wrong.",
        "xtol",
    ),
    Row(
        "the maximum number of function evaluations is exceeded",
        "limit",
        _OUT_OF_EVALUATIONS,
        "max_nfev",
    ),
    Row("stopped because `callback` function raised", "stopped-by-callback", _CALLBACK),
    Row("improper input parameters status", "error", "It refused its arguments before it began."),
    Row(
        "residuals are not finite in the initial point",
        "non-finite",
        "The residuals are not finite at the start.",
    ),
    Row(
        "initial guess is outside of provided bounds",
        "constraints",
        "The start lies outside the bounds.",
    ),
    Row("`x0` is infeasible", "constraints", "The start lies outside the bounds."),
)
_NEWTON_KRYLOV: Final = (
    Row(
        "a solution was found at the specified tolerance",
        "converged",
        "The residual (and the step, where a tolerance for it was given) is below the tolerance.",
        "fatol, frtol, xatol, xrtol",
    ),
    Row(
        "the maximum number of iterations allowed has been reached",
        "limit",
        _OUT_OF_ITERATIONS,
        "maxiter",
    ),
    Row(
        "jacobian inversion yielded zero vector",
        "curvature",
        "Its approximate Jacobian gave a step of zero while the residual is not zero.",
    ),
    Row(
        "function returned non-finite results",
        "non-finite",
        "The function returned a value that is not finite where its Jacobian was approximated.",
    ),
)

TABLES: Final[dict[str, tuple[Row, ...]]] = {
    "l-bfgs-b": (
        # each text twice: up to SciPy 1.14 with underscores, from 1.15 on with spaces
        *(
            Row(
                fragment,
                "line-search",
                "The line search found no acceptable step, even along steepest descent with its "
                "memory cleared: no trial point lowered f as the returned gradient promises.",
                "maxls",
            )
            for fragment in ("abnormal_termination_in_lnsrch", "abnormal:")
        ),
        *(
            Row(
                fragment,
                "converged",
                "Every component of the projected gradient it was given is below the tolerance.",
                "gtol",
            )
            for fragment in (
                "convergence: norm_of_projected_gradient_<=_pgtol",
                "convergence: norm of projected gradient <= pgtol",
            )
        ),
        *(
            Row(
                fragment,
                "converged",
                "The last step lowered f by less than the tolerance, if at all; this says nothing "
                "about the gradient, and it can follow a line search that was cut short.",
                "ftol",
            )
            for fragment in (
                "convergence: rel_reduction_of_f_<=_factr*epsmch",
                "convergence: relative reduction of f <= factr*epsmch",
            )
        ),
        Row("total no. of iterations reached limit", "limit", _OUT_OF_ITERATIONS, "maxiter"),
        *(
            Row(fragment, "limit", _OUT_OF_EVALUATIONS, "maxfun")
            for fragment in (
                "total no. of f,g evaluations exceeds limit",
                "total no. of f and g evaluations exceeds limit",
            )
        ),
        Row("stop: callback requested halt", "stopped-by-callback", _CALLBACK),
        Row(
            "error: no feasible solution",
            "constraints",
            "A lower bound lies above its upper bound.",
        ),
        Row("error: ", "error", "It refused one of its options before it began."),
    ),
    "bfgs": (
        Row(
            _SUCCESS,
            "converged",
            "The gradient it was given is below the tolerance (or the last step below xrtol, where "
            "that was set).",
            "gtol, xrtol",
        ),
        *_LINE_SEARCH_METHOD,
    ),
    "cg": (Row(_SUCCESS, "converged", _SMALL_GRADIENT, "gtol"), *_LINE_SEARCH_METHOD),
    "newton-cg": (
        Row(
            _SUCCESS,
            "converged",
            "The last step was short, on average over the parameters; this says nothing about the "
            "gradient.",
            "xtol",
        ),
        Row(_PRECISION_LOSS, "line-search", _NO_WOLFE_STEP, "xtol"),
        Row(
            "cg iterations didn't converge. the hessian is not positive definite",
            "curvature",
            "The inner equations for the step could not be solved: Hessian (or gradient "
            "differences) and gradient do not give a positive definite, consistent system.",
        ),
        Row(_MAX_ITERATIONS, "limit", _OUT_OF_ITERATIONS, "maxiter"),
        Row(_NAN, "non-finite", _SAW_NAN),
    ),
    "tnc": (
        Row(
            "local minimum reached",
            "converged",
            "The projected gradient it was given is below the tolerance.",
            "gtol",
        ),
        Row(
            "converged (|f_n-f_(n-1)|",
            "converged",
            "The last step changed f by less than the tolerance; this says nothing about the "
            "gradient.",
            "ftol",
        ),
        Row(
            "converged (|x_n-x_(n-1)|",
            "converged",
            "The last step was shorter than the tolerance; this says nothing about the gradient.",
            "xtol",
        ),
        Row(
            "max. number of function evaluations reached",
            "limit",
            _OUT_OF_EVALUATIONS,
            "maxfun",
        ),
        Row(
            "linear search failed",
            "line-search",
            "The line search found no step that lowers f as the returned gradient promises.",
        ),
        Row(
            "unable to progress",
            "no-progress",
            "It could not move on from the current point.",
        ),
        Row(
            "infeasible (lower bound > upper bound)",
            "constraints",
            "A lower bound lies above its upper bound.",
        ),
        Row(
            "all lower bounds are equal to the upper bounds",
            "constraints",
            "The bounds leave no parameter free to move.",
        ),
        Row(
            "user requested end of minimization",
            "stopped-by-callback",
            "The objective or the callback asked it to stop.",
        ),
    ),
    "slsqp": (
        Row(
            _SUCCESS,
            "converged",
            "The change of f, or the step, is below the tolerance and so is the violation of the "
            "constraints; this says little about the gradient.",
            "ftol",
        ),
        Row("iteration limit reached", "limit", _OUT_OF_ITERATIONS, "maxiter"),
        Row(
            "positive directional derivative for linesearch",
            "line-search",
            "By the derivatives it was given, the step of its quadratic model lowers neither f nor "
            "the violation of the constraints, even after the model was reset.",
        ),
        Row(
            "rank-deficient equality constraint subproblem hfti",
            "constraints",
            "The least-squares problem behind the step is rank deficient: dependent constraints, "
            "or a model of f that has degenerated.",
        ),
        Row(
            "singular matrix c in lsq subproblem",
            "constraints",
            "The gradients of the equality constraints are linearly dependent at this point.",
        ),
        Row(
            "singular matrix e in lsq subproblem",
            "curvature",
            "Its approximation of the Hessian became singular or is not finite.",
        ),
        Row(
            "inequality constraints incompatible",
            "constraints",
            "No step was found that satisfies the linear approximations of all constraints at the "
            "current point, even relaxed ones.",
        ),
        Row(
            "more than 3*n iterations in lsq subproblem",
            "no-progress",
            "The least-squares problem behind the step was not solved in its 3n iterations.",
        ),
        Row(
            "more equality constraints than independent variables",
            "constraints",
            "There are more equality constraints than parameters.",
        ),
        Row(
            "gradient evaluation required",
            "error",
            "It ended in the middle of an iteration, while it waited for a gradient.",
        ),
        Row(
            "function evaluation required",
            "error",
            "It ended in the middle of an iteration, while it waited for a value.",
        ),
        Row(
            "all inputs to slsqp must be of type numpy.float64",
            "error",
            "A value, gradient or constraint came back in another type than 64-bit floats.",
        ),
        Row(
            "slsqp error: lb > ub in bounds",
            "constraints",
            "A lower bound lies above its upper bound.",
        ),
    ),
    "trust-constr": (
        Row(
            "`gtol` termination condition is satisfied",
            "converged",
            "The gradient of the Lagrangian it was given, and the violation of the constraints, "
            "are below the tolerance.",
            "gtol",
        ),
        Row(
            "`xtol` termination condition is satisfied",
            "converged",
            "The trust region shrank below the tolerance, as it does when steps are rejected; the "
            "gradient may still be large.",
            "xtol",
        ),
        Row(
            "the maximum number of function evaluations is exceeded",
            "limit",
            "It used up the iterations it was allowed (the message says evaluations, the count is "
            "of iterations).",
            "maxiter",
        ),
        Row("`callback` function requested termination", "stopped-by-callback", _CALLBACK),
        Row("constraint violation exceeds 'gtol'", "constraints", _VIOLATED, "gtol"),
        Row(
            "`x0` is infeasible",
            "constraints",
            "The start violates a constraint that must hold at every point.",
        ),
        Row(
            "expected square matrix",
            "constraints",
            "There are more equality constraints than parameters.",
        ),
    ),
    "trust": _TRUST_REGION,
    "nelder-mead": (
        Row(
            _SUCCESS,
            "converged",
            "The corners of the simplex lie close together, in position and in value.",
            "xatol, fatol",
        ),
        Row(_MAX_EVALUATIONS, "limit", _OUT_OF_EVALUATIONS, "maxfev"),
        Row(_MAX_ITERATIONS, "limit", _OUT_OF_ITERATIONS, "maxiter"),
    ),
    "powell": (
        Row(
            _SUCCESS,
            "converged",
            "A round through all directions lowered f by less than the tolerance.",
            "ftol",
        ),
        Row(_MAX_EVALUATIONS, "limit", _OUT_OF_EVALUATIONS, "maxfev"),
        Row(_MAX_ITERATIONS, "limit", _OUT_OF_ITERATIONS, "maxiter"),
        Row(_NAN, "non-finite", _SAW_NAN),
        Row(
            "the result is outside of the provided bounds",
            "constraints",
            "It ended at a point outside the bounds.",
        ),
    ),
    "cobyla": (
        # up to SciPy 1.15
        Row(
            _SUCCESS,
            "converged",
            "The steps it tries became as short as the tolerance.",
            "tol",
        ),
        Row(_MAX_EVALUATIONS, "limit", _OUT_OF_EVALUATIONS, "maxiter"),
        Row("rounding errors are becoming damaging", "precision", _DAMAGING_ROUNDING, "tol"),
        Row(
            "did not converge to a solution satisfying the constraints",
            "constraints",
            _VIOLATED,
            "catol",
        ),
        Row(_NAN, "non-finite", _SAW_NAN),
        # from SciPy 1.16 on: "Return from COBYLA because ..."
        Row(
            "the trust region radius reaches its lower bound",
            "converged",
            "The steps it tries became as short as the tolerance.",
            "tol",
        ),
        Row(
            "the target function value is achieved",
            "converged",
            "f reached the target value.",
            "f_target",
        ),
        Row(
            "the objective function has been evaluated maxfun times",
            "limit",
            _OUT_OF_EVALUATIONS,
            "maxiter",
        ),
        Row(
            "the maximal number of trust region iterations has been reached",
            "limit",
            _OUT_OF_ITERATIONS,
        ),
        Row(
            "a trust region step has failed to reduce the quadratic model",
            "no-progress",
            "The step that was to lower its model of f did not.",
        ),
        Row("nan or inf occurs in x", "non-finite", "A trial point is not finite."),
        Row("the objective function returns nan/+inf", "non-finite", "A value is not finite."),
        Row("nan or inf occurs in the models", "non-finite", "Its model of f is not finite."),
        Row(
            "there is no space between the lower and upper bounds",
            "constraints",
            "The bounds leave a parameter no room to move.",
        ),
        Row(
            "one of the linear constraints has a zero gradient",
            "constraints",
            "A linear constraint does not depend on any parameter.",
        ),
        Row("the callback function requested termination", "stopped-by-callback", _CALLBACK),
    ),
    "cobyqa": (
        Row(
            "the lower bound for the trust-region radius has been reached",
            "converged",
            "The steps it tries became as short as the tolerance.",
            "final_tr_radius",
        ),
        Row(
            "the target objective function value has been reached",
            "converged",
            "f reached the target value.",
            "f_target",
        ),
        Row(
            "all variables are fixed by the bound constraints",
            "constraints",
            "The bounds leave no parameter free to move.",
        ),
        Row(
            "the callback requested to stop the optimization procedure",
            "stopped-by-callback",
            _CALLBACK,
        ),
        Row(
            "the feasibility problem received has been solved successfully",
            "converged",
            "It found a point that satisfies the constraints; there was no f to lower.",
            "feasibility_tol",
        ),
        Row(_MAX_EVALUATIONS, "limit", _OUT_OF_EVALUATIONS, "maxfev"),
        Row(_MAX_ITERATIONS, "limit", _OUT_OF_ITERATIONS, "maxiter"),
        Row(
            "the bound constraints are infeasible",
            "constraints",
            "A lower bound lies above its upper bound.",
        ),
        Row(
            "a linear algebra error occurred",
            "curvature",
            "Its model of f could not be factorized.",
        ),
    ),
    "least_squares": _LEAST_SQUARES,
    "lm": _MINPACK_LM,
    "curve_fit": (
        *_LEAST_SQUARES,
        *_MINPACK_LM,
        Row(
            "covariance of the parameters could not be estimated",
            "curvature",
            "The Jacobian at the end has dependent columns (or is not finite), so the parameters "
            "have no finite covariance.",
        ),
    ),
    "hybr": (
        Row(
            "the solution converged",
            "converged",
            "The last step was small against the parameters; the residual may still be large.",
            "xtol",
        ),
        Row(
            "number of calls to function has reached maxfev",
            "limit",
            _OUT_OF_EVALUATIONS,
            "maxfev",
        ),
        Row(
            "no further improvement in the approximate solution is possible",
            "precision",
            "The solution cannot be improved further in floating-point arithmetic.",
            "xtol",
        ),
        Row(
            "improvement from the last five jacobian evaluations",
            "no-progress",
            "Five new Jacobians in a row did not lower the residual much; it may be stuck, or "
            "already at the rounding level.",
            "xtol",
        ),
        Row(
            "improvement from the last ten iterations",
            "no-progress",
            "Ten iterations in a row did not lower the residual much; it may be stuck, or already "
            "at the rounding level.",
            "xtol",
        ),
        Row("improper input parameters", "error", "It refused its arguments before it began."),
        Row("an error occurred", "error", "The solver broke off without a reason."),
    ),
    "nonlin": _NEWTON_KRYLOV,
    "df-sane": (
        Row(
            "successful convergence",
            "converged",
            "The norm of the residual is below the tolerance.",
            "fatol, ftol",
        ),
        Row(
            "too many function evaluations required",
            "limit",
            _OUT_OF_EVALUATIONS,
            "maxfev",
        ),
    ),
    "minimize_scalar": (
        Row(
            "the returned value satisfies the termination criteria",
            "converged",
            "The bracket around the minimum is narrower than the tolerance.",
            "xtol",
        ),
        Row(
            "solution found",
            "converged",
            "The bracket around the minimum is narrower than the tolerance.",
            "xatol",
        ),
        Row("maximum number of iterations exceeded", "limit", _OUT_OF_ITERATIONS, "maxiter"),
        Row(
            "maximum number of function calls reached",
            "limit",
            _OUT_OF_EVALUATIONS,
            "maxiter",
        ),
        Row(_NAN, "non-finite", _SAW_NAN),
        Row(
            "the algorithm terminated without finding a valid bracket",
            "no-progress",
            "It found no three points with the lowest value in the middle.",
        ),
        Row(
            "no valid bracket was found before the iteration limit was reached",
            "limit",
            "It found no three points with the lowest value in the middle, in the iterations it "
            "was allowed.",
            "maxiter",
        ),
    ),
    "root_scalar": (
        Row(
            "derivative was zero",
            "curvature",
            "The derivative it was given is zero, so Newton's step does not exist.",
        ),
        Row("failed to converge after", "limit", _OUT_OF_ITERATIONS, "maxiter"),
        Row(
            "f(a) and f(b) must have different signs",
            "error",
            "The function has the same sign at both ends of the bracket.",
        ),
        Row(
            "tolerance of",
            "no-progress",
            "Two secant points have equal values, so the secant's step does not exist.",
            "xtol",
        ),
        Row("convergence error", "limit", _OUT_OF_ITERATIONS, "maxiter"),
        Row("sign error", "error", "The function has the same sign at both ends of the bracket."),
        Row("converged", "converged", "The last step is below the tolerance.", "xtol, rtol"),
    ),
    "solve_ivp": (
        Row(
            "the solver successfully reached the end of the integration interval",
            "converged",
            "It reached the end of the interval; how many evaluations it needed is not part of the "
            "message.",
            "rtol, atol",
        ),
        Row("a termination event occurred", "converged", "An event that ends the run occurred."),
        Row(
            "required step size is less than spacing between numbers",
            "no-progress",
            "The step had to become shorter than the spacing of floating-point numbers: no step "
            "met the error test, or none let the inner equations converge.",
            "rtol, atol",
        ),
        Row(
            "unexpected istate in lsoda",
            "error",
            "LSODA broke off; a warning printed before it names the reason.",
            "rtol, atol",
        ),
        Row(
            "excess work done on this call",
            "limit",
            "It used up the steps it was allowed.",
            "nsteps, mxstep",
        ),
        Row(
            "excess accuracy requested",
            "precision",
            "The tolerances ask for more than floating-point numbers hold.",
            "rtol, atol",
        ),
        Row(
            "repeated error test failures",
            "no-progress",
            "Step after step failed the error test.",
            "rtol, atol",
        ),
        Row(
            "repeated convergence failures",
            "no-progress",
            "The inner equations, which use the Jacobian, did not converge step after step.",
            "rtol, atol",
        ),
        Row(
            "integration successful", "converged", "It reached the last of the times.", "rtol, atol"
        ),
        Row("illegal input detected", "error", "It refused its arguments before it began."),
        Row(
            "error weight became zero",
            "error",
            "A component of the solution became zero where only a relative tolerance was given.",
            "atol",
        ),
    ),
    "basinhopping": (
        Row(
            "requested number of basinhopping iterations completed",
            "limit",
            "It made all the hops it was asked for, which is how it usually ends; this says "
            "nothing about the minimum.",
            "niter",
        ),
        Row(
            "success condition satisfied",
            "converged",
            "The lowest value did not change in as many hops as were asked for.",
            "niter_success",
        ),
        Row("callback function requested stop early", "stopped-by-callback", _CALLBACK),
    ),
    "dual_annealing": (
        Row(
            "maximum number of iteration reached",
            "limit",
            "It made all the iterations it was asked for, which is how it usually ends; this says "
            "nothing about the minimum.",
            "maxiter",
        ),
        Row(
            "maximum number of function call reached",
            "limit",
            _OUT_OF_EVALUATIONS,
            "maxfun",
        ),
        Row("callback function requested to stop early", "stopped-by-callback", _CALLBACK),
        Row(
            "stopping algorithm because function create nan",
            "non-finite",
            "f was not finite at every random start that was tried.",
        ),
    ),
    "differential_evolution": (
        Row(
            _SUCCESS,
            "converged",
            "The values of the population lie close together.",
            "tol, atol",
        ),
        Row(_MAX_ITERATIONS, "limit", _OUT_OF_ITERATIONS, "maxiter"),
        Row(_MAX_EVALUATIONS, "limit", _OUT_OF_EVALUATIONS, "maxfun"),
        Row(
            "maximum number of function evaluations has been reached",
            "limit",
            _OUT_OF_EVALUATIONS,
            "maxfun",
        ),
        Row("callback function requested stop early", "stopped-by-callback", _CALLBACK),
        Row("the solution does not satisfy the constraints", "constraints", _VIOLATED),
    ),
    "shgo": (
        Row(
            _SUCCESS,
            "converged",
            "It sampled as asked and refined at least one minimum; this says little about the "
            "gradient.",
        ),
        Row(
            "failed to find a feasible minimizer point",
            "no-progress",
            "No sample was lower than all its neighbours and satisfied the constraints.",
        ),
        Row(
            "no sampling point found within the feasible set",
            "constraints",
            "No sample satisfied the constraints.",
        ),
        Row("failed to converge", "no-progress", "It ended without a minimum."),
    ),
    "direct": (
        Row(
            "the best function value found is within a relative error",
            "converged",
            "f reached the known minimum that was given.",
            "f_min_rtol",
        ),
        Row(
            "the volume of the hyperrectangle containing the lowest function value",
            "converged",
            "The box around the lowest value became as small as the tolerance.",
            "vol_tol",
        ),
        Row(
            "the side length measure of the hyperrectangle",
            "converged",
            "The box around the lowest value became as small as the tolerance.",
            "len_tol",
        ),
        Row(
            "number of function evaluations done is larger than maxfun",
            "limit",
            _OUT_OF_EVALUATIONS,
            "maxfun",
        ),
        Row("number of iterations is larger than maxiter", "limit", _OUT_OF_ITERATIONS, "maxiter"),
        Row(
            "maximum number of levels has been reached", "limit", "It cannot divide its boxes more."
        ),
        Row("forced stop", "stopped-by-callback", _CALLBACK),
        Row("an error occurred while the function was sampled", "error", "The objective failed."),
        Row("invalid arguments", "error", "It refused its arguments before it began."),
    ),
}

# What several solvers say, and what is said by the code around them: warnings and exceptions.
SHARED: Final = (
    Row("`callback` raised `stopiteration`", "stopped-by-callback", _CALLBACK),
    Row(
        "the line search algorithm did not converge",
        "line-search",
        "The line search found no step that satisfies the Wolfe conditions, in the trials it was "
        "allowed.",
    ),
    Row(
        "rounding errors prevent the line search from converging",
        "precision",
        "In the line search, rounding errors hide the decrease that it looks for.",
    ),
    Row(
        "the line search algorithm could not find a solution",
        "line-search",
        "The line search found no acceptable step up to the longest one that it may try.",
    ),
    Row(
        "delta_grad == 0.0",
        "curvature",
        "Two gradients in a row were equal to the last bit although the point had moved.",
    ),
    Row(
        "values in x were outside bounds during a minimize step",
        "constraints",
        "A trial point lay outside the bounds and was clipped to them.",
    ),
    Row(
        "initial guess is not within the specified bounds",
        "constraints",
        "The start lies outside the bounds and was clipped to them.",
    ),
    Row(
        "all independent variables were fixed by bounds, but",
        "constraints",
        "The bounds leave no parameter free to move, and that point violates the constraints.",
    ),
    Row(
        "all independent variables were fixed by bounds",
        "constraints",
        "The bounds leave no parameter free to move.",
    ),
    Row(
        "`x0` violates bound constraints",
        "constraints",
        "The point at which differences were to be taken lies outside the bounds.",
    ),
    *(
        Row(fragment, "constraints", "A lower bound lies above its upper bound.")
        for fragment in (
            "an upper bound is less than the corresponding lower bound",
            "one of the lower bounds is greater than an upper bound",
        )
    ),
    Row(
        "must return a scalar value",
        "error",
        "The objective returned something that is not a single number.",
    ),
    Row(
        "array must not contain infs or nans",
        "non-finite",
        "A gradient, Jacobian or Hessian is not finite.",
    ),
    Row(_NAN, "non-finite", _SAW_NAN),
    Row(
        _SUCCESS,
        "converged",
        "The solver's own test was met; which test that is depends on the method.",
    ),
    Row(_PRECISION_LOSS, "line-search", _NO_WOLFE_STEP),
    Row(_MAX_ITERATIONS, "limit", _OUT_OF_ITERATIONS, "maxiter"),
    Row(_MAX_EVALUATIONS, "limit", _OUT_OF_EVALUATIONS),
    *(
        Row(
            f"`{name}` termination condition is satisfied",
            "converged",
            f"The solver's test for {name} was met; what it measures depends on the method.",
            name,
        )
        for name in ("gtol", "ftol", "xtol")
    ),
)

# Too short to mean anything in the mouth of a solver that is not known.
AMBIGUOUS: Final = frozenset(
    {
        "converged",
        "convergence error",
        "sign error",
        "tolerance of",
        "solution found",
        "failed to converge",
        "failed to converge after",
        "an error occurred",
        "error: ",
        "forced stop",
        "improper input parameters",
        "invalid arguments",
    }
)

# The table of each function, where it has but one (or a usual one).
SOLVERS: Final[dict[str, str]] = {
    "fmin_l_bfgs_b": "l-bfgs-b",
    "fmin_bfgs": "bfgs",
    "fmin_cg": "cg",
    "fmin_ncg": "newton-cg",
    "fmin_tnc": "tnc",
    "fmin_slsqp": "slsqp",
    "fmin_cobyla": "cobyla",
    "fmin": "nelder-mead",
    "fmin_powell": "powell",
    "leastsq": "lm",
    "fsolve": "hybr",
    "root": "hybr",
    "odeint": "solve_ivp",
    "ode": "solve_ivp",
    "newton": "root_scalar",
    "brentq": "root_scalar",
    "brent": "minimize_scalar",
    "fminbound": "minimize_scalar",
    "golden": "minimize_scalar",
    "diagbroyden": "nonlin",
    "newton_krylov": "nonlin",
    **dict.fromkeys(
        ("anderson", "broyden1", "broyden2", "excitingmixing", "linearmixing"), "nonlin"
    ),
}
# The table of each method of a function that has several; `curve_fit` says what both of its do.
METHODS: Final[dict[str, dict[str, str]]] = {
    "minimize": {
        name: name
        for name in (
            *("l-bfgs-b", "bfgs", "cg", "newton-cg", "tnc", "slsqp", "trust-constr"),
            *("nelder-mead", "powell", "cobyla", "cobyqa"),
        )
    }
    | dict.fromkeys(("trust-ncg", "trust-exact", "trust-krylov", "dogleg"), "trust"),
    "root": {"hybr": "hybr", "lm": "lm", "df-sane": "df-sane"}
    | dict.fromkeys(
        ("broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden", "excitingmixing"),
        "nonlin",
    )
    | {"krylov": "nonlin"},
}

# How a function calls the options that `minimize` and its kin call otherwise.
OPTION_NAMES: Final[dict[str, dict[str, str]]] = {
    "fmin_l_bfgs_b": {"ftol": "factr", "gtol": "pgtol"},
    "fmin_ncg": {"xtol": "avextol"},
    "fmin_tnc": {"gtol": "pgtol"},
    "fmin_slsqp": {"ftol": "acc", "maxiter": "iter"},
    "fmin_cobyla": {"tol": "rhoend", "maxiter": "maxfun"},
    "fmin": {"xatol": "xtol", "fatol": "ftol", "maxfev": "maxfun"},
    "fmin_powell": {"maxfev": "maxfun"},
    "newton": {"xtol": "tol"},
}

# What the functions mean that return a number and print the message, in the words of the message.
_MINIMIZER_FLAGS: Final = {1: _MAX_ITERATIONS, 2: _PRECISION_LOSS, 3: _NAN}
STATUSES: Final[dict[str, dict[int, str]]] = {
    "bfgs": {0: _SUCCESS, **_MINIMIZER_FLAGS},
    "cg": {0: _SUCCESS, **_MINIMIZER_FLAGS},
    "newton-cg": {0: _SUCCESS, **_MINIMIZER_FLAGS},
    "nelder-mead": {0: _SUCCESS, 1: _MAX_EVALUATIONS, 2: _MAX_ITERATIONS},
    "powell": {
        0: _SUCCESS,
        1: _MAX_EVALUATIONS,
        2: _MAX_ITERATIONS,
        3: _NAN,
        4: "the result is outside of the provided bounds",
    },
    "tnc": {
        -1: "infeasible (lower bound > upper bound)",
        0: "local minimum reached",
        1: "converged (|f_n-f_(n-1)|",
        2: "converged (|x_n-x_(n-1)|",
        3: "max. number of function evaluations reached",
        4: "linear search failed",
        5: "all lower bounds are equal to the upper bounds",
        6: "unable to progress",
        7: "user requested end of minimization",
    },
    "slsqp": {
        -1: "gradient evaluation required",
        0: _SUCCESS,
        1: "function evaluation required",
        2: "more equality constraints than independent variables",
        3: "more than 3*n iterations in lsq subproblem",
        4: "inequality constraints incompatible",
        5: "singular matrix e in lsq subproblem",
        6: "singular matrix c in lsq subproblem",
        7: "rank-deficient equality constraint subproblem hfti",
        8: "positive directional derivative for linesearch",
        9: "iteration limit reached",
    },
    "trust": {
        0: _SUCCESS,
        1: _MAX_ITERATIONS,
        2: "a bad approximation caused failure to predict improvement",
        3: "a linalg error occurred, such as a non-psd hessian",
    },
    "lm": {
        0: "improper input parameters",
        1: "both actual and predicted relative reductions",
        2: "the relative error between two consecutive iterates is at most",
        3: "and the relative error between two consecutive iterates is at most",
        4: "the cosine of the angle between func(x) and any column",
        5: "number of calls to function has reached maxfev",
        6: "no further reduction in the sum of squares is possible",
        7: "no further improvement in the approximate solution is possible",
        8: "func(x) is orthogonal to the columns of the jacobian to machine precision",
    },
    "hybr": {
        0: "improper input parameters",
        1: "the solution converged",
        2: "number of calls to function has reached maxfev",
        3: "no further improvement in the approximate solution is possible",
        4: "improvement from the last five jacobian evaluations",
        5: "improvement from the last ten iterations",
    },
    "nonlin": {
        1: "a solution was found at the specified tolerance",
        2: "the maximum number of iterations allowed has been reached",
    },
    "solve_ivp": {
        0: "the solver successfully reached the end of the integration interval",
        1: "a termination event occurred",
    },
}
