(** * Divergence: not negative, chain rules, data processing, concavity of entropy *)

From Proofs Require Export Distributions.

(** ** One term: p (log p - log q) >= p - q *)

Lemma ln_tangent : forall x : R, 0 < x -> ln x <= x - 1.
Proof.
  intros x pos. assert (step := exp_ineq1_le (ln x)). rewrite exp_ln in step by exact pos. lra.
Qed.

Lemma ln_tangent_touches : forall x : R, 0 < x -> ln x = x - 1 -> x = 1.
Proof.
  intros x pos touch. destruct (Req_dec (ln x) 0) as [zero|nonzero].
  - lra.
  - assert (step := exp_ineq1 (ln x) nonzero). rewrite exp_ln in step by exact pos. lra.
Qed.

Lemma ln_ratio : forall p q : R, 0 < p -> 0 < q -> ln q - ln p = ln (q / p).
Proof.
  intros p q posp posq. unfold Rdiv.
  rewrite ln_mult, ln_Rinv by (try apply Rinv_0_lt_compat; assumption). ring.
Qed.

Lemma kl_term : forall p q : R,
  0 <= p -> 0 <= q -> (q = 0 -> p = 0) -> p - q <= p * (ln p - ln q).
Proof.
  intros p q nonnegp nonnegq dom. destruct (Req_dec p 0) as [zero|nonzero]; [subst p; lra|].
  assert (posp : 0 < p) by lra. assert (posq : 0 < q) by (destruct (Req_dec q 0); lra).
  assert (ratio : 0 < q / p) by (apply Rdiv_lt_0_compat; assumption).
  assert (tangent := ln_tangent (q / p) ratio). rewrite <- ln_ratio in tangent by assumption.
  apply Rmult_le_compat_l with (r := p) in tangent; [|lra].
  replace (p * (q / p - 1)) with (q - p) in tangent by (field; lra). lra.
Qed.

Lemma kl_term_touches : forall p q : R,
  0 <= p -> 0 <= q -> (q = 0 -> p = 0) -> p * (ln p - ln q) = p - q -> p = q.
Proof.
  intros p q nonnegp nonnegq dom touch.
  destruct (Req_dec p 0) as [zero|nonzero]; [subst p; lra|].
  assert (posp : 0 < p) by lra. assert (posq : 0 < q) by (destruct (Req_dec q 0); lra).
  assert (ratio : 0 < q / p) by (apply Rdiv_lt_0_compat; assumption).
  assert (one : q / p = 1).
  { apply ln_tangent_touches; [exact ratio|]. rewrite <- ln_ratio by assumption.
    apply Rmult_eq_reg_l with p; [|exact nonzero].
    replace (p * (q / p - 1)) with (q - p) by (field; exact nonzero). lra. }
  apply Rmult_eq_compat_r with (r := p) in one. unfold Rdiv in one.
  rewrite Rmult_assoc, Rinv_l in one by exact nonzero. lra.
Qed.

(** ** KL >= 0, with equality only between equals *)

(** [q] may be a sub-distribution: its total is at most 1. *)
Theorem kl_nonneg_sub : forall {T : Type} (X : list T) (p q : T -> R),
  distribution X p -> (forall x, In x X -> 0 <= q x) -> sum X q <= 1 -> dominated X p q ->
  0 <= kl X p q.
Proof.
  intros T X p q [nonnegp total] nonnegq sub dom.
  apply Rle_trans with (∑ x ∈ X, (p x - q x)); [rewrite sum_minus; lra|].
  apply sum_le. intros x inside. apply kl_term; auto.
Qed.

(** Label: thm-entropy-range.
    Covers: the inequality KL >= 0 that its proof rests on, between any two distributions.
    Words: KL(p || q) >= 0 where p has no mass outside q.
    Narrower: for p dominated by q; elsewhere the book's divergence is infinite. *)
Theorem kl_nonneg : forall {T : Type} (X : list T) (p q : T -> R),
  distribution X p -> distribution X q -> dominated X p q -> 0 <= kl X p q.
Proof.
  intros T X p q distp [nonnegq total] dom.
  apply kl_nonneg_sub; [exact distp|exact nonnegq|lra|exact dom].
Qed.

(** Label: thm-entropy-range.
    Covers: the case of equality in KL >= 0, between any two distributions.
    Words: KL(p || q) = 0 if and only if p = q.
    Narrower: for p dominated by q; elsewhere the book's divergence is infinite. *)
Theorem kl_zero : forall {T : Type} (X : list T) (p q : T -> R),
  distribution X p -> distribution X q -> dominated X p q ->
  kl X p q = 0 <-> (forall x, In x X -> p x = q x).
Proof.
  intros T X p q [nonnegp totalp] [nonnegq totalq] dom. split.
  - intros zero x inside. apply kl_term_touches; auto.
    assert (slack : ∑ y ∈ X, (p y * (ln (p y) - ln (q y)) - (p y - q y)) = 0).
    { rewrite !sum_minus. unfold kl in zero. rewrite zero. lra. }
    assert (each : p x * (ln (p x) - ln (q x)) - (p x - q x) = 0); [|lra].
    apply (sum_nonneg_zero X (fun y => p y * (ln (p y) - ln (q y)) - (p y - q y)));
      [|exact slack|exact inside].
    intros y inside'. assert (term := kl_term (p y) (q y)).
    specialize (term (nonnegp y inside') (nonnegq y inside') (dom y inside')). lra.
  - intro same. apply sum_zero. intros x inside. rewrite same by exact inside. ring.
Qed.

(** ** The range of entropy *)

Definition uniform {T : Type} (X : list T) (_ : T) : R := / INR (length X).

Lemma length_pos : forall {T : Type} (X : list T), X <> [] -> 0 < INR (length X).
Proof.
  intros T X filled. apply lt_0_INR. destruct X; [contradiction filled; reflexivity|simpl; lia].
Qed.

Lemma uniform_distribution : forall {T : Type} (X : list T),
  X <> [] -> distribution X (uniform X) /\ positive X (uniform X).
Proof.
  intros T X filled. assert (pos := length_pos X filled).
  assert (full : positive X (uniform X)) by (intros x _; apply Rinv_0_lt_compat, pos).
  split; [split|exact full].
  - apply positive_nonneg, full.
  - unfold uniform. rewrite sum_const. apply Rinv_r. lra.
Qed.

(** Label: thm-entropy-range.
    Part: identity.
    Covers: the first line of the display.
    Words: H(p) = log n - KL(p || u), u the uniform distribution on n outcomes.
    Narrower: nothing. *)
Theorem entropy_uniform : forall {T : Type} (X : list T) (p : T -> R),
  sum X p = 1 -> entropy X p = ln (INR (length X)) - kl X p (uniform X).
Proof.
  intros T X p total. rewrite kl_split. unfold uniform.
  rewrite mean_const by exact total.
  rewrite ln_Rinv by (apply length_pos, (distribution_filled X p total)). ring.
Qed.

Lemma entropy_term_nonneg : forall p : R, 0 <= p <= 1 -> 0 <= - (p * ln p).
Proof.
  intros p [nonneg small]. destruct (Req_dec p 0) as [zero|nonzero]; [subst p; lra|].
  assert (below : ln p <= 0).
  { rewrite <- ln_1. destruct (Req_dec p 1) as [one|less]; [subst p; lra|].
    apply Rlt_le, ln_increasing; lra. }
  assert (0 <= p * - ln p); [apply Rmult_le_pos; lra|lra].
Qed.

Lemma entropy_term_zero : forall p : R, 0 <= p <= 1 -> p * ln p = 0 -> p = 0 \/ p = 1.
Proof.
  intros p [nonneg small] zero. apply Rmult_integral in zero.
  destruct zero as [zero|flat]; [left; exact zero|].
  destruct (Req_dec p 0) as [e|nonzero]; [left; exact e|].
  right. apply ln_inv; [lra|lra|]. rewrite ln_1. exact flat.
Qed.

(** Label: thm-entropy-range.
    Part: range.
    Covers: the second line of the display.
    Words: 0 <= H(p) <= log n.
    Narrower: nothing. *)
Theorem entropy_range : forall {T : Type} (X : list T) (p : T -> R),
  distribution X p -> 0 <= entropy X p <= ln (INR (length X)).
Proof.
  intros T X p dist. assert (total := proj2 dist).
  assert (filled := distribution_filled X p total).
  destruct (uniform_distribution X filled) as [distu full]. split.
  - unfold entropy. rewrite <- sum_opp. apply sum_nonneg. intros x inside.
    apply entropy_term_nonneg. split; [apply dist, inside|].
    apply (distribution_le_1 X p dist x inside).
  - rewrite entropy_uniform by exact total.
    assert (0 <= kl X p (uniform X)); [|lra].
    apply kl_nonneg; [exact dist|exact distu|apply positive_dominates, full].
Qed.

(** Label: thm-entropy-range.
    Part: largest.
    Covers: the upper case of equality.
    Words: H(p) = log n only for p = u (and for it).
    Narrower: nothing. *)
Theorem entropy_max : forall {T : Type} (X : list T) (p : T -> R),
  distribution X p ->
  entropy X p = ln (INR (length X)) <-> (forall x, In x X -> p x = uniform X x).
Proof.
  intros T X p dist. assert (total := proj2 dist).
  assert (filled := distribution_filled X p total).
  destruct (uniform_distribution X filled) as [distu full].
  rewrite <- (kl_zero X p (uniform X) dist distu (positive_dominates X p (uniform X) full)).
  rewrite entropy_uniform by exact total. split; lra.
Qed.

(** Label: thm-entropy-range.
    Part: smallest.
    Covers: the lower case of equality.
    Words: H(p) = 0 only if one outcome has probability 1.
    Narrower: nothing. *)
Theorem entropy_min : forall {T : Type} (X : list T) (p : T -> R),
  distribution X p -> entropy X p = 0 -> exists x, In x X /\ p x = 1.
Proof.
  intros T X p dist zero. assert (total := proj2 dist).
  assert (ends : forall x, In x X -> p x = 0 \/ p x = 1).
  { intros x inside.
    assert (range : 0 <= p x <= 1).
    { split; [apply dist, inside|apply (distribution_le_1 X p dist x inside)]. }
    apply entropy_term_zero; [exact range|].
    assert (each : - (p x * ln (p x)) = 0); [|lra].
    apply (sum_nonneg_zero X (fun y => - (p y * ln (p y)))); [| |exact inside].
    - intros y inside'. apply entropy_term_nonneg.
      split; [apply dist, inside'|apply (distribution_le_1 X p dist y inside')].
    - unfold entropy in zero. rewrite sum_opp. exact zero. }
  destruct (Exists_dec (fun x => p x = 1) X (fun x => Req_EM_T (p x) 1)) as [some|none].
  - apply Exists_exists in some. destruct some as [x [inside one]]. exists x. auto.
  - exfalso. assert (sum X p = 0); [|lra]. apply sum_zero. intros x inside.
    destruct (ends x inside) as [e|e]; [exact e|].
    exfalso. apply none. apply Exists_exists. exists x. auto.
Qed.

(** Label: thm-entropy-range.
    Part: softmax.
    Covers: the last sentence.
    Words: a policy of full support on at least two actions has 0 < H(pi).
    Narrower: nothing (a softmax policy has full support: [softmax_positive]). *)
Theorem entropy_positive : forall {T : Type} (X : list T) (π : T -> R),
  distribution X π -> positive X π -> NoDup X -> (2 <= length X)%nat -> 0 < entropy X π.
Proof.
  intros T X π dist full once many. assert (range := entropy_range X π dist).
  destruct (Req_dec (entropy X π) 0) as [zero|nonzero]; [|lra]. exfalso.
  destruct (entropy_min X π dist zero) as [x [inside one]].
  destruct (in_split x X inside) as [left [right parts]]. assert (total := proj2 dist).
  rewrite parts, sum_app in total. simpl in total.
  assert (rest : 0 < sum (left ++ right) π).
  { apply sum_pos.
    - intro empty. apply app_eq_nil in empty. destruct empty. subst left right.
      rewrite parts in many. simpl in many. lia.
    - intros y inside'. apply full. rewrite parts. apply in_app_iff in inside'.
      apply in_app_iff. destruct inside'; [left; assumption|right; right; assumption]. }
  rewrite sum_app in rest. lra.
Qed.

(** ** The exact change of entropy *)

(** Label: thm-exact-identity.
    Part: identity.
    Covers: the identity between two policies.
    Words: H(p') - H(p) = -(E_p' - E_p)[log p] - KL(p' || p): the shift of the cross entropy less
    the divergence.
    Wider: as an equation it holds for all numbers, so p' << p is not asked for; where p' has mass
    outside p both sides use ln 0 = 0 and the equation says nothing of the book's. *)
Theorem exact_identity : forall {T : Type} (X : list T) (p p' : T -> R),
  entropy X p' - entropy X p
  = - (mean X p' (fun a => ln (p a)) - mean X p (fun a => ln (p a))) - kl X p' p.
Proof.
  intros T X p p'. rewrite kl_split. unfold entropy, mean. ring.
Qed.

(** Label: thm-exact-identity.
    Part: inequality.
    Covers: the inequality between two policies.
    Words: H(p') - H(p) <= -(E_p' - E_p)[log p] for p' << p.
    Narrower: nothing. *)
Theorem exact_inequality : forall {T : Type} (X : list T) (p p' : T -> R),
  distribution X p -> distribution X p' -> dominated X p' p ->
  entropy X p' - entropy X p
  <= - (mean X p' (fun a => ln (p a)) - mean X p (fun a => ln (p a))).
Proof.
  intros T X p p' dist dist' dom. rewrite exact_identity.
  assert (pos := kl_nonneg X p' p dist' dist dom). lra.
Qed.

(** Label: eq-cross-entropy.
    Covers: one stage.
    Words: <p, log 1/q> = H(p) + KL(p || q).
    Narrower: one stage; the book's is the sum over the stages of both sides. *)
Theorem cross_entropy : forall {T : Type} (X : list T) (p q : T -> R),
  mean X p (fun x => - ln (q x)) = entropy X p + kl X p q.
Proof.
  intros T X p q. rewrite kl_split. unfold mean.
  rewrite (sum_ext X (fun x => p x * - ln (q x)) (fun x => - (p x * ln (q x)))) by (intros; ring).
  rewrite sum_opp. ring.
Qed.

(** ** Data processing *)

Lemma sum_dominated : forall {T : Type} (X : list T) (a b : T -> R),
  (forall x, In x X -> 0 <= b x) -> dominated X a b -> sum X b = 0 -> sum X a = 0.
Proof.
  intros T X a b nonneg dom zero. apply sum_zero. intros x inside.
  apply dom; [exact inside|]. apply (sum_nonneg_zero X b nonneg zero x inside).
Qed.

(** The log-sum inequality: A log(A / B) <= sum a log(a / b) for the totals A and B. *)
Theorem log_sum : forall {T : Type} (X : list T) (a b : T -> R),
  (forall x, In x X -> 0 <= a x) -> (forall x, In x X -> 0 <= b x) -> dominated X a b ->
  sum X a * (ln (sum X a) - ln (sum X b)) <= ∑ x ∈ X, a x * (ln (a x) - ln (b x)).
Proof.
  intros T X a b nonnega nonnegb dom.
  destruct (Req_dec (sum X a) 0) as [zero|nonzero].
  { rewrite zero, Rmult_0_l. right. symmetry. apply sum_zero. intros x inside.
    rewrite (sum_nonneg_zero X a nonnega zero x inside). ring. }
  assert (posA : 0 < sum X a) by (assert (h := sum_nonneg X a nonnega); lra).
  assert (posB : 0 < sum X b).
  { assert (h := sum_nonneg X b nonnegb). destruct (Req_dec (sum X b) 0) as [e|n]; [|lra].
    assert (sum X a = 0) by (apply (sum_dominated X a b); assumption). lra. }
  set (c := sum X a / sum X b).
  assert (posc : 0 < c) by (apply Rdiv_lt_0_compat; assumption).
  assert (lnc : ln c = ln (sum X a) - ln (sum X b)).
  { unfold c. rewrite <- ln_ratio by assumption. ring. }
  apply Rle_trans with (∑ x ∈ X, (a x - c * b x + a x * ln c)).
  - rewrite sum_plus, sum_minus, sum_scal, sum_scal_r, lnc. right. unfold c. field. lra.
  - apply sum_le. intros x inside.
    assert (term := kl_term (a x) (c * b x) (nonnega x inside)).
    assert (nonneg' : 0 <= c * b x) by (apply Rmult_le_pos; [lra|apply nonnegb, inside]).
    assert (dom' : c * b x = 0 -> a x = 0).
    { intro zero. apply dom; [exact inside|]. apply Rmult_integral in zero. lra. }
    specialize (term nonneg' dom').
    destruct (Req_dec (b x) 0) as [zerob|nonzerob].
    + rewrite (dom x inside zerob), zerob. lra.
    + assert (posb : 0 < b x) by (assert (h := nonnegb x inside); lra).
      rewrite ln_mult in term by assumption. lra.
Qed.

(** The law of y when x has law [p] and y is drawn from [K x]. *)
Definition push {T U : Type} (X : list T) (K : T -> U -> R) (p : T -> R) (y : U) : R :=
  ∑ x ∈ X, p x * K x y.

(** Label: prop-coverage.
    Covers: the step "merging pairs cannot raise a divergence" of the proof of (ii).
    Words: data processing, KL(pK || qK) <= KL(p || q) for every stochastic map K.
    Wider: merging is the map K that has entries 0 and 1. *)
Theorem data_processing : forall {T U : Type} (X : list T) (Y : list U) (K : T -> U -> R)
  (p q : T -> R),
  (forall x, In x X -> distribution Y (K x)) ->
  (forall x, In x X -> 0 <= p x) -> (forall x, In x X -> 0 <= q x) -> dominated X p q ->
  kl Y (push X K p) (push X K q) <= kl X p q.
Proof.
  intros T U X Y K p q stochastic nonnegp nonnegq dom.
  apply Rle_trans with
    (∑ y ∈ Y, ∑ x ∈ X, p x * K x y * (ln (p x * K x y) - ln (q x * K x y))).
  - apply sum_le. intros y insideY. apply log_sum.
    + intros x inside. apply Rmult_le_pos; [apply nonnegp, inside|apply stochastic; assumption].
    + intros x inside. apply Rmult_le_pos; [apply nonnegq, inside|apply stochastic; assumption].
    + intros x inside zero. apply Rmult_integral in zero. destruct zero as [zero|zero].
      * rewrite dom by assumption. ring.
      * rewrite zero. ring.
  - rewrite sum_swap. right. apply sum_ext. intros x inside.
    destruct (stochastic x inside) as [nonnegK total].
    rewrite (sum_ext Y _ (fun y => p x * (ln (p x) - ln (q x)) * K x y)).
    + rewrite sum_scal, total. ring.
    + intros y insideY. destruct (Req_dec (K x y) 0) as [zero|nonzero]; [rewrite zero; ring|].
      destruct (Req_dec (p x) 0) as [zero|nonzerop]; [rewrite zero; ring|].
      assert (0 < K x y) by (assert (h := nonnegK y insideY); lra).
      assert (0 < p x) by (assert (h := nonnegp x inside); lra).
      assert (0 < q x).
      { assert (h := nonnegq x inside). destruct (Req_dec (q x) 0) as [e|n]; [|lra].
        assert (p x = 0) by (apply dom; assumption). lra. }
      rewrite !ln_mult by assumption. ring.
Qed.

(** ** Chain rules: joint = marginal + conditional *)

(** The joint law of a pair: x from [p], then y from [K x]. *)
Definition joint {T U : Type} (p : T -> R) (K : T -> U -> R) (xy : T * U) : R :=
  p (fst xy) * K (fst xy) (snd xy).

Lemma joint_distribution : forall {T U : Type} (X : list T) (Y : list U) (p : T -> R)
  (K : T -> U -> R),
  distribution X p -> (forall x, In x X -> distribution Y (K x)) ->
  distribution (list_prod X Y) (joint p K).
Proof.
  intros T U X Y p K [nonneg total] stochastic. split.
  - intros [x y] inside. apply in_prod_iff in inside. destruct inside as [inX inY].
    apply Rmult_le_pos; [apply nonneg, inX|apply (stochastic x inX), inY].
  - rewrite sum_pairs. unfold joint. simpl. rewrite <- total. apply sum_ext.
    intros x inside. rewrite sum_scal, (proj2 (stochastic x inside)). ring.
Qed.

Lemma ln_mult_weighted : forall p k : R, 0 <= p -> 0 <= k ->
  p * k * ln (p * k) = p * k * (ln p + ln k).
Proof.
  intros p k nonnegp nonnegk.
  destruct (Req_dec p 0) as [e|n]; [subst p; ring|].
  destruct (Req_dec k 0) as [e'|n']; [subst k; ring|].
  rewrite ln_mult by lra. reflexivity.
Qed.

(** Label: thm-traj-chain-rule.
    Covers: one draw after another, the step that its proof repeats.
    Words: H(x, y) = H(x) + E H(y | x).
    Narrower: two draws; all stages of an episode are [trajectory_chain_rule]. *)
Theorem chain_rule : forall {T U : Type} (X : list T) (Y : list U) (p : T -> R) (K : T -> U -> R),
  distribution X p -> (forall x, In x X -> distribution Y (K x)) ->
  entropy (list_prod X Y) (joint p K)
  = entropy X p + mean X p (fun x => entropy Y (K x)).
Proof.
  intros T U X Y p K [nonneg total] stochastic. unfold entropy at 1.
  rewrite sum_pairs, <- sum_opp. unfold joint. simpl.
  unfold entropy at 1. rewrite <- sum_opp. unfold mean. rewrite <- sum_plus.
  apply sum_ext. intros x inside. destruct (stochastic x inside) as [nonnegK totalK].
  rewrite (sum_ext Y _ (fun y => p x * ln (p x) * K x y + p x * (K x y * ln (K x y)))).
  - rewrite sum_plus, !sum_scal, totalK. unfold entropy. ring.
  - intros y insideY.
    rewrite ln_mult_weighted by (try apply nonneg; try apply nonnegK; assumption). ring.
Qed.

(** The same for divergences: KL of the pairs = KL of x + E KL of y given x. *)
Theorem kl_chain_rule : forall {T U : Type} (X : list T) (Y : list U) (p q : T -> R)
  (K L : T -> U -> R),
  (forall x, In x X -> 0 <= p x) -> (forall x, In x X -> 0 <= q x) -> dominated X p q ->
  (forall x, In x X -> distribution Y (K x)) -> (forall x, In x X -> distribution Y (L x)) ->
  (forall x, In x X -> p x <> 0 -> dominated Y (K x) (L x)) ->
  kl (list_prod X Y) (joint p K) (joint q L)
  = kl X p q + mean X p (fun x => kl Y (K x) (L x)).
Proof.
  intros T U X Y p q K L nonnegp nonnegq dom distK distL domKL. unfold kl at 1.
  rewrite sum_pairs. unfold joint. simpl. unfold kl at 1, mean. rewrite <- sum_plus.
  apply sum_ext. intros x inside. destruct (distK x inside) as [nonnegK totalK].
  destruct (distL x inside) as [nonnegL totalL].
  rewrite (sum_ext Y _ (fun y => p x * (ln (p x) - ln (q x)) * K x y
    + p x * (K x y * (ln (K x y) - ln (L x y))))).
  - rewrite sum_plus, !sum_scal, totalK. unfold kl. ring.
  - intros y insideY. destruct (Req_dec (p x) 0) as [e|n]; [rewrite e; ring|].
    destruct (Req_dec (K x y) 0) as [e'|n']; [rewrite e'; ring|].
    assert (0 < p x) by (assert (h := nonnegp x inside); lra).
    assert (0 < K x y) by (assert (h := nonnegK y insideY); lra).
    assert (0 < q x).
    { assert (h := nonnegq x inside). destruct (Req_dec (q x) 0) as [e|n'']; [|lra].
      assert (p x = 0) by (apply dom; assumption). lra. }
    assert (0 < L x y).
    { assert (h := nonnegL y insideY). destruct (Req_dec (L x y) 0) as [e|n'']; [|lra].
      assert (K x y = 0) by (apply (domKL x inside n y insideY e)). lra. }
    rewrite !ln_mult by assumption. ring.
Qed.

(** ** Mutual information *)

(** I(x; y) = KL(joint || product of the marginals), x from [p], y from [K x] *)
Definition information {T U : Type} (X : list T) (Y : list U) (p : T -> R) (K : T -> U -> R) : R :=
  kl (list_prod X Y) (joint p K) (joint p (fun _ => push X K p)).

Lemma push_dominates : forall {T U : Type} (X : list T) (Y : list U) (p : T -> R)
  (K : T -> U -> R),
  (forall x, In x X -> 0 <= p x) -> (forall x, In x X -> distribution Y (K x)) ->
  forall x, In x X -> p x <> 0 -> dominated Y (K x) (push X K p).
Proof.
  intros T U X Y p K nonneg stochastic x inX nonzero y inY zero.
  assert (term : p x * K x y = 0).
  { apply (sum_nonneg_zero X (fun x' => p x' * K x' y)); [|exact zero|exact inX].
    intros x' inX'. apply Rmult_le_pos; [apply nonneg, inX'|apply stochastic; assumption]. }
  apply Rmult_integral in term. destruct term; [contradiction|assumption].
Qed.

(** I(x; y) = H(y) - H(y | x) >= 0 *)
Lemma information_entropy : forall {T U : Type} (X : list T) (Y : list U) (p : T -> R)
  (K : T -> U -> R),
  distribution X p -> (forall x, In x X -> distribution Y (K x)) ->
  information X Y p K = entropy Y (push X K p) - mean X p (fun x => entropy Y (K x))
  /\ 0 <= information X Y p K.
Proof.
  intros T U X Y p K dist stochastic. destruct dist as [nonneg total].
  assert (pushed : distribution Y (push X K p)).
  { split.
    - intros y inY. apply sum_nonneg. intros x inX.
      apply Rmult_le_pos; [apply nonneg, inX|apply stochastic; assumption].
    - unfold push. rewrite sum_swap, <- total. apply sum_ext. intros x inX.
      rewrite sum_scal, (proj2 (stochastic x inX)). ring. }
  assert (dom := push_dominates X Y p K nonneg stochastic). split.
  - unfold information. rewrite kl_chain_rule; auto.
    2: { intros x _ zero. exact zero. }
    assert (self : kl X p p = 0) by (apply sum_zero; intros; ring). rewrite self.
    rewrite (mean_ext X p (fun x => kl Y (K x) (push X K p))
      (fun x => mean Y (K x) (fun y => - ln (push X K p y)) - entropy Y (K x)))
      by (intros; rewrite cross_entropy; ring).
    rewrite mean_minus, Rplus_0_l. f_equal. unfold entropy. rewrite <- sum_opp.
    unfold mean. rewrite (sum_ext X _ (fun x => ∑ y ∈ Y, p x * (K x y * - ln (push X K p y))))
      by (intros; rewrite sum_scal; reflexivity).
    rewrite sum_swap. apply sum_ext. intros y _. unfold push at 2.
    rewrite (sum_ext X _ (fun x => p x * K x y * - ln (push X K p y))) by (intros; ring).
    rewrite sum_scal_r. ring.
  - apply kl_nonneg.
    + apply joint_distribution; [split; assumption|exact stochastic].
    + apply joint_distribution; [split; assumption|intros; exact pushed].
    + intros [x y] inside zero. apply in_prod_iff in inside. destruct inside as [inX inY].
      unfold joint in *. simpl in *. destruct (Req_dec (p x) 0) as [e|n]; [rewrite e; ring|].
      rewrite (dom x inX n y inY); [ring|]. apply Rmult_integral in zero. tauto.
Qed.

(** ** Entropy is concave, with the exact defect *)

(** Label: thm-concavity.
    Part: identity.
    Covers: the equation of part 1, in one stage.
    Words: H(mean of the d^i) - sum w_i H(d^i) = sum w_i KL(d^i || mean).
    Narrower: one stage; the book's is the sum over the stages of both sides. *)
Theorem concavity_identity : forall {I T : Type} (points : list I) (X : list T) (w : I -> R)
  (d : I -> T -> R),
  let average := fun x => ∑ i ∈ points, w i * d i x in
  entropy X average - ∑ i ∈ points, w i * entropy X (d i)
  = ∑ i ∈ points, w i * kl X (d i) average.
Proof.
  intros I T points X w d average.
  rewrite (sum_ext points (fun i => w i * kl X (d i) average)
    (fun i => ∑ x ∈ X, - (ln (average x)) * (w i * d i x) - w i * entropy X (d i))).
  - rewrite sum_minus. f_equal. rewrite sum_swap. unfold entropy. rewrite <- sum_opp.
    apply sum_ext. intros x _. rewrite sum_scal.
    change (∑ i ∈ points, w i * d i x) with (average x). ring.
  - intros i _. rewrite kl_split. unfold mean.
    rewrite (sum_ext X (fun x => - ln (average x) * (w i * d i x))
      (fun x => - w i * (d i x * ln (average x)))) by (intros; ring).
    rewrite sum_scal. ring.
Qed.
